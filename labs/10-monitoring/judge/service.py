"""The learner's service in the jail: started, asked, scraped. The model and the store are the judge's own copies."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from judge.exposition import Page, read
from sandbox.grading import fail
from sandbox.jail import Jail, Limits, Service, ServiceDied, ServiceNotReady

NULLABLE = ("temp", "wind_speed", "visibility", "pressure", "precip")
CARRIERS = ("9E", "AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN")
SLOW_S = 0.6
SLOW_FROM = 300_000
"""Flights with an id from here on take ``SLOW_S`` in the judge's store."""
LARGEST_PAGE = 2_000_000
START = 'exec python -m uvicorn service.app:app --uds "$JAIL_SOCKETS/http.sock" --log-level warning --no-access-log'


@dataclass(frozen=True)
class Stage:
    """How the judge's copies differ from the starter's in this run, so that no answer can be known before."""

    version: str
    trained_at: int

    @classmethod
    def draw(cls, rng: random.Random) -> Stage:
        version = f"{rng.randrange(2014, 2030)}.{rng.randrange(1, 13):02d}.{rng.randrange(1000)}"
        return cls(version, rng.randrange(1_400_000_000, 1_700_000_000))

    def files(self, starter: Path) -> dict[str, str]:
        """The judge's ``service/model.py`` and ``service/store.py``."""
        model = (starter / "service/model.py").read_text("utf-8")
        model = re.sub(r"(?m)^VERSION = .*$", f'VERSION = "{self.version}"', model)
        model = re.sub(r"(?m)^TRAINED_AT = .*$", f"TRAINED_AT = {self.trained_at}", model)
        store = (starter / "service/store.py").read_text("utf-8")
        store = store.replace("asyncio.sleep(0.02)", f"asyncio.sleep({SLOW_S} if flight_id >= {SLOW_FROM} else 0.001)")
        return {"service/model.py": model, "service/store.py": store}


class Running:
    """A started service."""

    def __init__(self, service: Service, stage: Stage, rng: random.Random) -> None:
        self.client, self.stage, self.rng = service.client, stage, rng

    def flight(self, *, late: bool | None = None, nulls: tuple[str, ...] = (), carrier: str = "") -> dict[str, object]:
        """A flight; ``late`` chooses what the model will say about it."""
        late = self.rng.random() < 0.5 if late is None else late
        weather: dict[str, object] = {
            "temp": round(self.rng.uniform(30, 80), 1),
            "wind_speed": round(self.rng.uniform(2, 15), 1),
            "visibility": 2.0 if late else 10.0,
            "pressure": round(self.rng.uniform(1010, 1024), 1),
            "precip": 1.5 if late else 0.0,
        }
        for name in nulls:
            weather[name] = None
        return {
            "carrier": carrier or self.rng.choice(CARRIERS), "origin": self.rng.choice(("EWR", "JFK", "LGA")),
            "hour": self.rng.randrange(16, 22) if late else self.rng.randrange(5, 11),
            "distance": self.rng.randrange(100, 2600), **weather,
        }  # fmt: skip

    def ask(self, method: str, path: str, **options: object) -> httpx.Response:
        """Send a request to the service.

        A service that does not answer at all fails the check.
        """
        # A connection each: after a crash the server closes its side, and a connection kept open would be closed under us.
        options["headers"] = {"Connection": "close", **dict(options.get("headers") or {})}  # type: ignore[call-overload]
        try:
            return self.client.request(method, path, timeout=20, **options)  # type: ignore[arg-type]
        except httpx.HTTPError as error:
            fail(
                f"your service did not answer {method} {path}",
                observed=f"{type(error).__name__}: {error}",
                expected="an HTTP answer",
            )

    def predict(self, flight: object, status: int = 200) -> httpx.Response:
        return self._must("/predict", flight, status)

    def predict_batch(self, flights: list[dict[str, object]], status: int = 200) -> httpx.Response:
        return self._must("/predict/batch", flights, status)

    def _must(self, path: str, body: object, status: int) -> httpx.Response:
        answer = self.ask("POST", path, json=body)
        if answer.status_code != status:
            fail(
                f"POST {path} no longer answers as the given service did", observed=f"status {answer.status_code}: {answer.text[:200]}",
                expected=f"status {status}",
            )  # fmt: skip
        return answer

    def scrape(self) -> Page:
        """GET /metrics, parsed."""
        return read_page(self.ask("GET", "/metrics"))

    def at_once(self, paths: list[str]) -> ThreadPoolExecutor:
        """Ask for all paths at the same time; the caller closes what is returned, which waits for the answers."""
        pool = ThreadPoolExecutor(max_workers=len(paths))
        for path in paths:
            pool.submit(self.ask, "GET", path)
        return pool


def read_page(answer: httpx.Response) -> Page:
    if answer.status_code != 200:
        fail(
            "GET /metrics does not answer 200",
            observed=f"status {answer.status_code}",
            expected="status 200 and the metrics as text",
        )
    if len(answer.content) > LARGEST_PAGE:
        fail(
            "the page of metrics is too large",
            observed=f"{len(answer.content):,} bytes",
            expected=f"less than {LARGEST_PAGE:,}",
        )
    try:
        return read(answer.text)
    except ValueError as error:
        fail("GET /metrics answers with text that is not in Prometheus' format", observed=str(error)[:300])


@contextmanager
def running(jail: Jail, submission: Path, starter: Path, stage: Stage, rng: random.Random) -> Iterator[Running]:
    """Start the service; a service that does not start fails the check with what it printed."""
    try:
        with jail.serve(
            ["sh", "-c", START],
            files=[submission, stage.files(starter)],
            limits=Limits(timeout_s=90, memory_mb=1024),
            ready="/healthz",
        ) as service:
            yield Running(service, stage, rng)
    except (ServiceDied, ServiceNotReady) as error:
        printed = error.finished.stderr.strip().splitlines()[-8:]
        fail(
            "your service does not start",
            observed="\n".join(printed) or str(error),
            expected="`uvicorn service.app:app` answering GET /healthz",
        )
