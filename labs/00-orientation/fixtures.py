"""What the checks of lab 00 ask the running service: its readiness, card, prediction, metrics and log."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox.grading import fail

COUNTER = "predictions"
LOG_BYTES = 8_000_000
FLIGHT = json.loads((Path(__file__).parent / "flight.json").read_text("utf-8"))


def dig(entry: Any, path: str) -> Any:
    """The value at a dotted path of a log line, or None."""
    for name in path.split("."):
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry


@dataclass(frozen=True)
class Live:
    """The service as the judge sees it at check time. Nothing is stored: every value is asked for anew."""

    url: str
    log: Path

    def get(self, path: str) -> httpx.Response:
        try:
            return httpx.get(self.url + path, timeout=10)
        except httpx.HTTPError as error:
            fail(f"nothing answers at {self.url}{path} ({type(error).__name__})", expected="a running sandbox")

    @cached_property
    def card(self) -> dict[str, Any]:
        return self.get("/model").json()  # type: ignore[no-any-return]

    @cached_property
    def prediction(self) -> dict[str, Any]:
        return httpx.post(f"{self.url}/predict", json=FLIGHT, timeout=10).json()  # type: ignore[no-any-return]

    @property
    def carriers(self) -> dict[str, float]:
        """AUC by carrier, for those with flights enough to have one."""
        return {
            code: part["auc"] for code, part in self.card["metrics"]["by_carrier"].items() if part["auc"] is not None
        }

    @property
    def predictions_so_far(self) -> float:
        families = text_string_to_metric_families(self.get("/metrics").text)
        return sum(
            s.value
            for family in families
            if family.name == COUNTER
            for s in family.samples
            if s.name == f"{COUNTER}_total"
        )

    def log_lines(self, request_id: str) -> list[dict[str, Any]]:
        """The log's lines of one request, the oldest first, looked for in the newest part of the file."""
        if not self.log.is_file():
            fail(f"the service's log {self.log.name} is not there", expected="a running sandbox that writes its log")
        with self.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - LOG_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        found = []
        for line in lines:
            if request_id in line:
                try:
                    entry = json.loads(line)
                except ValueError:  # the first line may be cut by where the reading began
                    continue
                if dig(entry, "http.request.id") == request_id:
                    found.append(entry)
        return found

    def predictions_of(self, request_id: str) -> list[tuple[int, float]]:
        """Status and milliseconds of every prediction that was asked for under this id."""
        return [
            (dig(line, "http.response.status_code"), dig(line, "event.duration") / 1e6)
            for line in self.log_lines(request_id)
            if dig(line, "url.path") == "/predict"
        ]


@pytest.fixture(scope="session")
def live(live_service: Any) -> Live:
    """The running service."""
    return Live(live_service.url, live_service.log)


@pytest.fixture
def answer(submission: Any) -> Callable[..., Any]:
    """``answer("model", "version", str)``: one value of answers.toml, of the kind that is asked for."""

    def find(table: str, key: str, *kinds: type) -> Any:
        try:
            answers = tomllib.loads(submission.read("answers.toml"))
        except tomllib.TOMLDecodeError as error:
            fail(f"answers.toml is not valid TOML: {error}", expected="name = value, with text in quotes")
        section = answers.get(table)
        if not isinstance(section, dict) or key not in section:
            fail(f"answers.toml has no {key} under [{table}]", expected="the names of the starter, unchanged")
        value = section[key]
        # Zero is a fine reading of a counter, and of nothing else that is asked here.
        if value in ("", -1) or (value == 0 and not isinstance(value, bool) and table != "metrics"):
            fail(f"{key} under [{table}] is still empty")
        # In Python a truth value is a number; in an answer it is not.
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            words = {
                str: "text in quotes",
                int: "a whole number",
                float: "a number",
                bool: "true or false, without quotes",
            }
            fail(f"{key} under [{table}] is of the wrong kind", observed=value, expected=words[kinds[-1]])
        return value

    return find
