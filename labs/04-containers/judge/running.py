"""One container that was started: what can be asked of it from outside."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from typing import Any

import httpx
from docker.errors import APIError

from sandbox.grading import fail

READY_S = 150
"""How long a machine under load may take to start a small service."""
IDLE_S = 20
WORKS_S = 0.05
"""Whoever uses less CPU time than this in so many seconds is not starting any more."""
PROBES = 3
"""So many of its last probes decide: one may have been under way, and two in a row make it unhealthy."""
ANSWER_BYTES = 1_000_000


class Running:
    """One container that was started."""

    def __init__(self, container: Any, port: int) -> None:
        self.container = container
        self.port = port

    @classmethod
    def start(cls, container: Any, port: int) -> Running:
        """Start it; a command that cannot be started at all is the learner's failure, told as such."""
        try:
            container.start()
        except APIError as error:
            fail("the container cannot be started", observed=str(error.explanation)[:500])
        container.reload()
        return cls(container, port)

    @property
    def url(self) -> str:
        ports = self.container.attrs["NetworkSettings"]["Ports"].get(f"{self.port}/tcp") or [{"HostPort": "0"}]
        return f"http://127.0.0.1:{ports[0]['HostPort']}"

    @property
    def state(self) -> Mapping[str, Any]:
        self.container.reload()
        state: Mapping[str, Any] = self.container.attrs["State"]
        return state

    def logs(self, tail: int | str = 12) -> str:
        text: str = self.container.logs(tail=tail).decode("utf-8", "replace")
        return text[-1500:] if tail != "all" else text

    def processes(self) -> list[dict[str, str]]:
        """The container's processes: pid, ppid, uid, stat and args."""
        top = self.container.top(ps_args="-eo pid,ppid,uid,stat,args")
        return [dict(zip(("pid", "ppid", "uid", "stat", "args"), row, strict=False)) for row in top["Processes"] or []]

    # --- asking ---------------------------------------------------------------------------------------------------------

    def get(self, path: str, timeout: float = 30) -> Any:
        """JSON of a path, whatever the status; None where there is no answer or no JSON."""
        with contextlib.suppress(httpx.HTTPError, ValueError):
            return _ask("GET", f"{self.url}{path}", None, timeout)[1]
        return None

    def post(self, path: str, body: Any, timeout: float = 60) -> tuple[int, Any]:
        """Status and JSON.

        Raises:
            httpx.HTTPError: there was no whole answer.
        """
        return _ask("POST", f"{self.url}{path}", body, timeout)

    def wait_ready(self) -> bool:
        """Does /readyz answer 200 in time? A container that has done nothing for a while will not begin to."""
        deadline = time.monotonic() + READY_S
        worked, at = self.cpu_s(), time.monotonic()
        while time.monotonic() < deadline and self.state["Running"]:
            with contextlib.suppress(httpx.HTTPError, ValueError):
                if _ask("GET", f"{self.url}/readyz", None, 10)[0] == 200:
                    return True
            if (now := self.cpu_s()) > worked + WORKS_S:
                worked, at = now, time.monotonic()
            if time.monotonic() > at + IDLE_S:
                return False
            time.sleep(0.2)
        return False

    def cpu_s(self) -> float:
        """CPU time of all its processes so far: how far it is, whatever else the machine does."""
        usage = self.container.client.api.stats(self.container.id, stream=False, one_shot=True)
        return float(usage.get("cpu_stats", {}).get("cpu_usage", {}).get("total_usage", 0)) / 1e9

    def must_be_ready(self, how: str) -> None:
        """Fail the check where the service does not answer."""
        if self.wait_ready():
            return
        state = self.state
        if state["Running"]:
            fail(f"{how}: the container runs, but nothing answers on its port {self.port} from outside",
                 observed=f"GET /readyz gives no 200; the container printed:\n{self.logs()}")  # fmt: skip
        why = " (out of memory)" if state.get("OOMKilled") else ""
        fail(f"{how}: the container ended with status {state['ExitCode']}{why}", observed=self.logs())

    def must_predict(self, model: Mapping[str, Any], flights: list[dict[str, float]], how: str) -> None:
        """Fail the check where a prediction is not what the model says."""
        for flight in flights:
            try:
                status, answer = self.post("/predict", flight)
            except (httpx.HTTPError, ValueError) as error:
                fail(
                    f"{how}: POST /predict gives no answer that can be read ({type(error).__name__})",
                    observed=self.logs(),
                )
            said = answer.get("probability") if isinstance(answer, dict) else None
            wanted = probability(model, flight)
            if status != 200 or not isinstance(said, int | float) or not math.isclose(said, wanted, abs_tol=1e-6):
                fail(f"{how}: the prediction is not that of model/model.json", observed=f"status {status}: {str(answer)[:200]}",
                     expected=f"a probability of {wanted:.6f}")  # fmt: skip

    # --- health ---------------------------------------------------------------------------------------------------------

    def wait_health(self) -> str:
        """What its health check says once the service is up: ``healthy``, ``unhealthy``, ``none`` (no health check),
        ``undecided``, or ``ended 1`` with the exit status where the container ended.

        A probe of a service that is still starting says nothing about it, so only those count that began later.
        """
        deadline = time.monotonic() + READY_S
        up = False
        before: set[str] = set()
        while time.monotonic() < deadline:
            state = self.state
            if not state["Running"]:
                return f"ended {state['ExitCode']}"
            health = state.get("Health") or {}
            if health.get("Status", "none") in ("none", "healthy"):
                return str(health.get("Status", "none"))
            probes = {str(probe["Start"]) for probe in health.get("Log") or ()}
            if up and len(probes - before) >= PROBES and health["Status"] != "starting":
                return str(health["Status"])
            if not up and self.get("/healthz", timeout=10) is not None:
                up, before = True, probes
            time.sleep(0.3)
        return "unhealthy" if self.state.get("Health", {}).get("Status") == "unhealthy" else "undecided"

    def wait_ill(self, seconds: float) -> bool:
        """Does a health probe that ends from now on fail in time?"""
        before = {str(probe["Start"]) for probe in self._probes()}
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(probe["ExitCode"] != 0 for probe in self._probes() if str(probe["Start"]) not in before):
                return True
            time.sleep(0.3)
        return False

    def _probes(self) -> list[Mapping[str, Any]]:
        return (self.state.get("Health") or {}).get("Log") or []

    def probe_said(self) -> str:
        """What the last health probe printed."""
        log = self._probes() or [{}]
        return str(log[-1].get("Output", "")).strip()[-300:]

    # --- the end --------------------------------------------------------------------------------------------------------

    @property
    def stop_signal(self) -> str:
        """What ``docker stop`` sends to process 1."""
        said = str(self.container.attrs["Config"].get("StopSignal") or "SIGTERM").upper()
        return "SIGTERM" if said in ("TERM", "15") else said

    def wait_end(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.state["Running"]:
                return True
            time.sleep(0.1)
        return False


def probability(model: Mapping[str, Any], flight: Mapping[str, float]) -> float:
    """What the model of this run says, worked out by the judge."""
    total = model["intercept"] + sum(value * flight.get(name, 0) for name, value in model["coefficients"].items())
    return 1 / (1 + math.exp(-total))


def _ask(method: str, url: str, body: Any, timeout: float) -> tuple[int, Any]:
    """One request with a limit on the answer's size and on its whole time."""
    deadline = time.monotonic() + timeout
    with httpx.Client(trust_env=False, timeout=timeout) as client, client.stream(method, url, json=body) as answer:
        content = b""
        for chunk in answer.iter_raw():
            content += chunk
            if len(content) > ANSWER_BYTES or time.monotonic() > deadline:
                raise httpx.ReadError("the answer is too long, or takes too long")
    return answer.status_code, json.loads(content)
