"""A client of the platform. One method for each call; `Refused` where the platform says no."""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any


class Refused(Exception):
    """The platform answered with a status of 400 or more."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class _Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(120)
        self.sock.connect(os.environ["FLEET_SOCKET"])


class Fleet:
    """Two slots, `blue` and `green`, behind one router."""

    def slots(self) -> dict[str, dict[str, Any]]:
        """Slot → its `state` (empty, starting, ready, failed), `version` and `sha256` of the model file in it."""
        return self.ask("GET", "/slots")

    def start(self, slot: str, model: str, card: str) -> None:
        """Stop what runs in a slot and start this package there. Returns at once; see `slots` for what comes of it."""
        self.ask("PUT", f"/slots/{slot}", {"model": model, "card": card})

    def stop(self, slot: str) -> None:
        """Stop what runs in a slot, at once, whatever it was answering."""
        self.ask("DELETE", f"/slots/{slot}")

    def predict(self, slot: str, flight: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Ask a slot directly, past the router, about a flight as `read_flights` gives it: the status and the answer
        (`version`, `probability`, `late`)."""
        answer = self.ask("POST", f"/slots/{slot}/predict", flight)
        return answer["status"], answer["body"]

    def router(self) -> str:
        """The router's dynamic configuration as it is now: YAML for Traefik."""
        return str(self.ask("GET", "/router")["config"])

    def route(self, config: str) -> None:
        """Give the router a new dynamic configuration. Returns when Traefik uses it and what was on its way is answered."""
        self.ask("PUT", "/router", {"config": config})

    def watch(self, slot: str, requests: int) -> dict[str, float]:
        """Wait until users have had so many more answers from a slot (or 45 s have passed), and tell about these:
        `requests`, `errors`, `p95_ms`, and `memory_mb_before`, `memory_mb_after` of the process."""
        return self.ask("POST", "/watch", {"slot": slot, "requests": requests})

    def package(self, version: str) -> dict[str, str]:
        """`model` and `card` of a version that ran before, as they were started."""
        return self.ask("GET", f"/packages/{version}")

    def deployments(self) -> list[dict[str, Any]]:
        """The lines of deployments.jsonl, oldest first."""
        return self.ask("GET", "/deployments")["deployments"]

    def record(self, line: dict[str, Any]) -> None:
        """Add a line to deployments.jsonl."""
        self.ask("POST", "/deployments", line)

    def take_lease(self) -> None:
        """Take the one lease there is; `Refused` with status 409 while somebody else holds it."""
        self.ask("POST", "/lease", {})

    def return_lease(self) -> None:
        """Give the lease back. It also ends when the platform sees that its holder is dead."""
        self.ask("DELETE", "/lease")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = _Connection("fleet")
        try:
            headers = {"Authorization": f"Bearer {os.environ['FLEET_TOKEN']}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status >= 400:
            raise Refused(answer.status, text)
        return json.loads(text)
