"""The shipped monitoring configuration, tried: the receiver, the rules, and every query on real scraped data."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
STACK = ROOT / "sandbox/stack/monitoring"
DASHBOARD = STACK / "grafana/dashboards/service.json"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def process(*command: str, ready: str, timeout_s: float = 60, **options: Any) -> Iterator[None]:
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    try:
        end = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(ready, timeout=2).is_success:
                    break
            assert running.poll() is None, running.stderr.read().decode()[-800:] if running.stderr else "ended"
            assert time.monotonic() < end, f"{command[0]} is not ready"
            time.sleep(0.1)
        yield
    finally:
        running.terminate()
        running.wait(20)


@pytest.fixture
def receiver() -> Iterator[str]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with process(sys.executable, str(STACK / "receiver.py"), "--port", str(port), ready=f"{address}/healthz"):
        yield address


def test_the_receiver_shows_what_it_was_sent(receiver: str) -> None:
    alert = {
        "labels": {"alertname": "<Slow>", "severity": "page"},
        "annotations": {"summary": "waits"},
        "status": "firing",
    }
    assert httpx.post(f"{receiver}/pager", json={"status": "firing", "alerts": [alert]}).is_success
    (shown,) = httpx.get(f"{receiver}/notifications").json()
    assert (shown["to"], shown["alerts"][0]["name"]) == ("pager", "<Slow>")
    page = httpx.get(receiver).text
    assert "&lt;Slow&gt;" in page
    assert "<Slow>" not in page


@pytest.mark.parametrize(
    ("path", "body", "status"), [("/else", b"{}", 404), ("/pager", b"no json", 400), ("/queue", b"[]", 400)]
)
def test_the_receiver_refuses_what_is_no_notification(receiver: str, path: str, body: bytes, status: int) -> None:
    assert httpx.post(receiver + path, content=body).status_code == status
    assert httpx.get(f"{receiver}/notifications").json() == []


def test_every_panel_has_a_title_a_unit_and_legends() -> None:
    panels = [panel for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"] if panel["type"] != "row"]
    assert len(panels) >= 10
    for panel in panels:
        assert panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(
            target["legendFormat"] and target["datasource"]["uid"] == "prometheus" for target in panel["targets"]
        )


@pytest.mark.needs("promtool")
def test_promtool_accepts_the_shipped_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "rules", *map(str, STACK.glob("rules/*.yml"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.needs("amtool")
def test_amtool_accepts_the_shipped_routes(tmp_path: Path) -> None:
    text = re.sub(r"\$\{\w+\}", "127.0.0.1:9099", (STACK / "alertmanager.yml").read_text("utf-8"))
    (tmp_path / "alertmanager.yml").write_text(text, "utf-8")
    for labels, wanted in ((["severity=page"], "pager"), (["severity=ticket"], "queue"), (["team=other"], "queue")):
        command = ["amtool", "config", "routes", "test", f"--config.file={tmp_path / 'alertmanager.yml'}", *labels]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == wanted


def shipped_queries() -> list[str]:
    """Every expression of the shipped dashboard and rules; the conditions of alerts without their thresholds' outcome."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    found = [
        target["expr"].replace("$__rate_interval", "30s") for panel in panels for target in panel.get("targets", [])
    ]
    for file in sorted(STACK.glob("rules/*.yml")):
        for group in yaml.safe_load(file.read_text("utf-8"))["groups"]:
            found += [rule["expr"] for rule in group["rules"] if "record" in rule]
            # An alert that does not fire returns nothing, as it should: its metrics must be there all the same.
            found += [name for rule in group["rules"] if "alert" in rule for name in selectors(rule["expr"])]
    return list(dict.fromkeys(found))


def selectors(expression: str) -> list[str]:
    """Metrics with their label matchers but for the status, which a healthy service has no 5xx of."""
    plain = re.sub(r', status=~"5\.\."', "", expression)
    return re.findall(r"(?:up|[a-z]\w*(?::\w+)+|[a-z_]+_(?:total|bucket))(?:\{[^}]*\})?", plain)


@pytest.mark.slow
@pytest.mark.needs("prometheus")
def test_every_query_returns_data_from_a_real_prometheus(tmp_path: Path) -> None:
    service, prometheus = free_port(), free_port()
    models = Path(os.environ.get("SANDBOX_STATE") or ROOT / ".sandbox") / "models/current"
    if not models.exists():
        models = tmp_path / "models"
        subprocess.run(
            [sys.executable, "-m", "sandbox.service", "prepare", "--models", str(models)],
            check=True,
            capture_output=True,
        )
    config = (STACK / "prometheus.yml").read_text("utf-8").replace("15s", "2s")
    addresses = {"SERVICE": f"127.0.0.1:{service}", "PROMETHEUS": f"127.0.0.1:{prometheus}"}
    config = re.sub(r"\$\{SANDBOX_(\w+)_ADDRESS\}", lambda m: addresses.get(m[1], "127.0.0.1:1"), config)
    (tmp_path / "prometheus.yml").write_text(config, "utf-8")
    shutil.copytree(STACK / "rules", tmp_path / "rules")
    serve = (sys.executable, "-m", "sandbox.service", "serve", "--models", str(models), "--port", str(service))
    command = ("prometheus", f"--config.file={tmp_path / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
               f"--web.listen-address=127.0.0.1:{prometheus}")  # fmt: skip
    url, asked = f"http://127.0.0.1:{service}", f"http://127.0.0.1:{prometheus}"
    from sandbox.service.data import sample

    flights = list(sample(7, 300, 1).requests())
    with process(*serve, ready=f"{url}/readyz", cwd=ROOT), process(*command, ready=f"{asked}/-/ready"):
        left: dict[str, str] = dict.fromkeys(shipped_queries(), "")
        for turn in range(60):
            for flight in flights[turn * 5 : turn * 5 + 5]:
                httpx.post(f"{url}/predict", json={**flight, "temp": None}).raise_for_status()
            httpx.post(f"{url}/predict", json=flights[:10]).raise_for_status()
            time.sleep(1)
            left = {query: problem for query in left if (problem := unanswered(asked, query))}
            if not left:
                break
    assert not left


def unanswered(prometheus: str, query: str) -> str:
    """Why a query gave no number; empty where it gave one."""
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}).json()
    if answer["status"] != "success":
        return str(answer.get("error"))
    values = [float(series["value"][1]) for series in answer["data"]["result"]]
    return "" if any(value == value for value in values) else "no data"
