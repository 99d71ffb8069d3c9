"""One small model for all tests of the service, and the service around it, in this process or in one of its own."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from sandbox.service import data, training
from sandbox.service.api import create_app
from sandbox.service.model import Model, load

SMALL = training.Parameters(trees=10, depth=3)
FLIGHT: dict[str, Any] = {
    "carrier": "UA", "origin": "EWR", "dest": "ORD", "month": 7, "day": 4, "sched_dep_time": 1745, "distance": 719,
    "temp": 84.2, "humid": 61.2, "wind_speed": 9.2, "precip": 0.0, "pressure": 1016.1, "visib": 10.0,
}  # fmt: skip


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a published model: a tenth of the usual trees, trained on January."""
    folder = tmp_path_factory.mktemp("models")
    training.prepare(folder, months=[1], parameters=SMALL)
    return folder


@pytest.fixture(scope="session")
def model(models: Path) -> Model:
    return load(models)


@pytest.fixture
def flight() -> dict[str, Any]:
    return dict(FLIGHT)


@pytest.fixture(scope="session")
def july() -> list[dict[str, Any]]:
    """300 real flights, as requests."""
    return list(data.sample(7, 300, seed=1).requests())


@pytest.fixture
def lines() -> list[dict[str, Any]]:
    """The log lines of `app`, as they are written."""
    return []


class Client:
    """Calls an app in this process. A request that fails inside is answered, as a server would."""

    def __init__(self, app: FastAPI) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def __call__(self, method: str, path: str, **request: Any) -> httpx.Response:
        return self.together((method, path, request))[0]

    def together(self, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx.Response]:
        """Answers to requests that are all sent before the first is answered."""

        async def send() -> list[httpx.Response]:
            async with httpx.AsyncClient(transport=self._transport, base_url="http://service") as client:
                return list(await asyncio.gather(*(client.request(m, path, **more) for m, path, more in requests)))

        return asyncio.run(send())


@pytest.fixture
def app(model: Model, lines: list[dict[str, Any]]) -> FastAPI:
    return create_app(model, write=lambda line: lines.append(json.loads(line)))


@pytest.fixture
def call(app: FastAPI) -> Client:
    return Client(app)


class Served:
    """`python -m sandbox.service serve` as a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, url: str) -> None:
        self.process, self.log, self.url = process, log, url

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_bytes().splitlines()]


Serve = Callable[..., Served]


@pytest.fixture(scope="session")
def serve(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts the service on a free port; ends what is left at the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> Served:
        log = tmp_path_factory.mktemp("serve") / "out.log"
        command = [sys.executable, "-m", "sandbox.service", "serve", "--models", str(models), "--port", "0", *arguments]
        with log.open("wb") as out:
            process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        started.append(process)
        deadline = time.monotonic() + 30
        while not (found := re.search(rb"listening on ([^\"]+)\"", log.read_bytes())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        return Served(process, log, found[1].decode())

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def served(serve: Serve) -> Served:
    """One running service that tests share; none may stop it."""
    return serve()


@pytest.fixture
def http(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served.url, timeout=30) as client:
        yield client
