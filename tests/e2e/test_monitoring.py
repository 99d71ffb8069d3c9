"""The observability stack for real: a service that is killed ends as one notification in the receiver, in both runtimes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.runtime import Stack

from .test_runtime import both, course, lab, stack

__all__ = ["course", "stack"]  # fixtures

pytestmark = [pytest.mark.slow, pytest.mark.needs("prometheus", "alertmanager", "locust")]

# Two scrapes until the first failure is seen, 45 s of `for`, 10 s of `group_wait`: far below this on a loaded machine too.
NOTIFIED_S = 240


def until(found: Callable[[], Any], what: str, seconds: float = NOTIFIED_S) -> Any:
    """What ``found`` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.5)
    return value


def query(url: str, expression: str) -> list[dict[str, Any]]:
    """The samples of an instant query to Prometheus."""
    answer = httpx.get(f"{url}/api/v1/query", params={"query": expression}, timeout=10)
    answer.raise_for_status()
    samples: list[dict[str, Any]] = answer.json()["data"]["result"]
    return samples


@both
def test_a_killed_service_pages_somebody(stack: Stack, runtime: str) -> None:
    started = lab("start", "--runtime", runtime, "--with", "monitoring")
    assert started.returncode == 0, started.stdout + started.stderr
    status = stack.status()
    prometheus, receiver = (status.unit(name).url for name in ("prometheus", "receiver"))

    # The traffic generator sends real flights, and Prometheus sees them.
    until(lambda: query(prometheus, 'sum(predictions_total{job="flight-delay"}) > 0'), "predictions in Prometheus")
    assert query(prometheus, 'up{job="flight-delay"} == 1')
    assert httpx.get(f"{receiver}/notifications", timeout=10).json() == []

    service = status.unit("service")
    if service.container:
        subprocess.run(["docker", "kill", "--signal", "KILL", service.container], check=True, capture_output=True)
    else:
        os.kill(service.pid, signal.SIGKILL)

    def pages() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = httpx.get(f"{receiver}/notifications", timeout=10).json()
        return [one for one in sent if one["to"] == "pager"]

    (page,) = until(pages, "a page in the receiver")
    assert page["status"] == "firing"
    # Where the runtime was changed a moment ago, Prometheus still knows the service by its address there, too: one
    # notification all the same.
    assert {(a["name"], a["severity"], a["service"]) for a in page["alerts"]} == {
        ("TargetDown", "page", "flight-delay")
    }
    for alert in page["alerts"]:
        assert alert["summary"].endswith("does not answer scrapes")
        assert alert["runbook_url"].endswith("/target-down")
