"""Real flights for the running service, at a chosen speed: a Locust file.

The flights of one month are sent again and again, in the order of their schedule. By the environment:

- ``TRAFFIC_MONTH``: 1 to 12, which month's flights (default 7). Later months drift away from what the model knows.
- ``TRAFFIC_RPS``: requests a second that each of Locust's users sends (default 2.5; four users make ten).
- ``TRAFFIC_BATCH``: every how many requests one is a list of 20 flights (default 50; 0: never).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

from locust import FastHttpUser, constant_throughput, task

from sandbox.service.data import flights

BATCH_ROWS = 20


def setting(name: str, default: float, low: float, high: float) -> float:
    """A number from the environment.

    Raises:
        SystemExit: it is no number, or out of bounds; the message names the variable.
    """
    text = os.environ.get(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise SystemExit(f"{name} must be a number from {low:g} to {high:g}, not {text!r}. Set it and start again.")
    return value


MONTH = int(setting("TRAFFIC_MONTH", 7, 1, 12))
RPS = setting("TRAFFIC_RPS", 2.5, 0.01, 200)
BATCH_EVERY = int(setting("TRAFFIC_BATCH", 50, 0, 1_000_000))


def month_again_and_again(month: int) -> Iterator[dict[str, Any]]:
    """The flights of a month as JSON for ``POST /predict``, without end."""
    table = flights([month])
    while True:
        yield from table.requests()


FLIGHTS = month_again_and_again(MONTH)
TURNS = itertools.count(1)


class Passenger(FastHttpUser):
    """Asks whether flights will be late."""

    wait_time = constant_throughput(RPS)

    @task
    def ask(self) -> None:
        if BATCH_EVERY and next(TURNS) % BATCH_EVERY == 0:
            self.client.post("/predict", json=list(itertools.islice(FLIGHTS, BATCH_ROWS)), name="/predict (list)")
        else:
            self.client.post("/predict", json=next(FLIGHTS))
