"""Ways to serve the same model, measured in turns: one worker on one core, wrk on another."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from sandbox.grading.live import free_port
from tests.benchmarks import Table

Flight = dict[str, Any]
# Every reading is known: not every server can take a number that is missing.
FLIGHT: Flight = {
    "carrier": "UA", "origin": "EWR", "dest": "ORD", "month": 7, "day": 4, "sched_dep_time": 1745, "distance": 719,
    "temp": 84.2, "humid": 61.2, "wind_speed": 9.2, "precip": 0.0, "pressure": 1016.1, "visib": 10.0,
}  # fmt: skip
CONCURRENCY = (1, 16, 64)
AGREEMENT = 1e-5
"""How far an answer may be from scikit-learn's own probability; the same as for a published ONNX model."""
READY_WITHIN_S = 120
COLUMNS = (
    "way", "req/s, 1 caller", "16", "64", "p99 ms, 64", "req a CPU second, 64", "ready s", "memory MB",
    "service ÷ this, 1 / 16 / 64",
)  # fmt: skip
NOTE = (
    "One worker on one core, wrk on another, one flight a request; medians of {} interleaved rounds of {} s. Requests a CPU "
    "second: of all processes of the server; it hardly depends on what else the machine does. Memory: all processes of the "
    "server, shared pages counted once."
)


@dataclass(frozen=True)
class Way:
    """One way to serve.

    Attributes:
        command: the words that start it, given the port.
        path: where it takes a prediction.
        body: the JSON of one flight, in the shape that it speaks.
        probability: of being late, from its decoded answer; None where it has no model.
        env: what its environment has more, given the port.
    """

    name: str
    command: Callable[[int], Sequence[str]]
    path: str = "/predict"
    body: Callable[[Flight], Any] = dict
    probability: Callable[[Any], float] | None = None
    env: Callable[[int], Mapping[str, str]] = lambda port: {}


@dataclass
class Seen:
    """What was seen of one way: a value for each round, by concurrency where that matters."""

    ready_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    rates: dict[int, list[float]] = field(default_factory=lambda: {number: [] for number in CONCURRENCY})
    slowest_ms: list[float] = field(default_factory=list)
    a_cpu_second: list[float] = field(default_factory=list)


def ours(models: Path) -> Way:
    """The shipped service."""
    serve = (sys.executable, "-m", "sandbox.service", "serve", "--models", str(models), "--log", os.devnull, "--port")
    return Way("the service", lambda port: [*serve, str(port)], probability=lambda answer: float(answer["probability"]))


def uvicorn(name: str, module: str, models: Path, *, has_model: bool) -> Way:
    """An application of this folder."""
    serve = (sys.executable, "-m", "uvicorn", f"tests.benchmarks.peers.{module}:app", "--no-access-log", "--port")
    return Way(
        name,
        lambda port: [*serve, str(port)],
        probability=(lambda answer: float(answer["probability"])) if has_model else None,
        env=lambda port: {"SERVICE_MODELS": str(models)},
    )


def prepare(models: Path) -> Path:
    """The model, trained where it is not there yet."""
    command = [sys.executable, "-m", "sandbox.service", "prepare", "--if-needed", "--models", str(models)]
    subprocess.run(command, check=True, capture_output=True)
    return models


def in_turns(
    ways: Sequence[Way], expected: Callable[[Flight], float], flights: Sequence[Flight], *,
    rounds: int, seconds: int, within_s: float = float("inf"),
) -> tuple[dict[str, Seen], int, dict[str, str]]:  # fmt: skip
    """Each way in turn, several times over.

    Args:
        expected: the probability that scikit-learn gives a flight.
        flights: asked for at the same time before the first load, so that mixed up answers show.
        within_s: no further round begins that would end later than this, going by the longest so far; in the first, no way.

    Returns:
        What was seen by name, the number of whole rounds, and by name why a way could not be measured.
    """
    seen = {way.name: Seen() for way in ways}
    failed: dict[str, str] = {}
    began = time.monotonic()
    done = longest = 0.0
    while done < rounds and (not done or time.monotonic() - began + longest < within_s):
        started = time.monotonic()
        for way in ways:
            if not done and time.monotonic() - began > within_s:
                failed[way.name] = "no time was left for it"
            if way.name in failed:
                continue
            try:
                with serving(way, seen[way.name]) as (url, process), tempfile.TemporaryDirectory() as folder:
                    if way.probability and not done:
                        check(way, url, expected, flights)
                    script = Path(folder) / "post.lua"
                    script.write_text(_script(json.dumps(way.body(FLIGHT))))
                    _measure(seen[way.name], url, process, script, seconds)
            except RuntimeError as error:
                failed[way.name] = str(error)
        longest = max(longest, time.monotonic() - started)
        done += 1
    return seen, int(done), failed


def table(seen: Mapping[str, Seen], first: str, notes: Sequence[str]) -> Table:
    """Medians of what was seen, beside the way called `first`."""
    rows = []
    base = _medians(seen[first])
    for name, one in seen.items():
        if not one.slowest_ms:
            continue
        rates = _medians(one)
        times = "1" if name == first else " / ".join(f"{a / b:.2f}" for a, b in zip(base, rates, strict=True))
        rest = (one.slowest_ms, one.a_cpu_second, one.ready_s, one.memory_mb)
        rows.append((name, *rates, *(statistics.median(values) for values in rest), times))
    return Table(COLUMNS, tuple(rows), tuple(notes))


def _medians(seen: Seen) -> list[float]:
    return [statistics.median(seen.rates[number]) for number in CONCURRENCY]


@contextlib.contextmanager
def serving(way: Way, seen: Seen) -> Iterator[tuple[str, psutil.Process]]:
    """One worker on the first core, until the block ends; RuntimeError where it does not come to answer."""
    port = free_port()
    url = f"http://127.0.0.1:{port}{way.path}"
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log, httpx.Client(timeout=5) as client:
        process = subprocess.Popen(
            [*on_core(0), *way.command(port)],
            env={**os.environ, **way.env(port)},
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            while not _answers(client, url, way.body(FLIGHT)):
                if process.poll() is not None:
                    raise RuntimeError(f"it ended with status {process.returncode}: {_last_words(log)}")
                if time.perf_counter() - began > READY_WITHIN_S:
                    raise RuntimeError(f"it did not answer within {READY_WITHIN_S} s: {_last_words(log)}")
                time.sleep(0.01)
            ready = time.perf_counter() - began
            yield url, psutil.Process(process.pid)
            seen.ready_s.append(ready)
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server with all that it started; it is the leader of a group of its own."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def check(way: Way, url: str, expected: Callable[[Flight], float], flights: Sequence[Flight]) -> None:
    """Ask for many flights at the same time; RuntimeError unless each gets its own probability."""
    assert way.probability

    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda flight: client.post(url, json=way.body(flight)), flights))
    for flight, answer in zip(flights, answers, strict=True):
        if not answer.is_success:
            raise RuntimeError(f"it answers {answer.status_code} to {flight}")
        given, wanted = way.probability(answer.json()), expected(flight)
        if abs(given - wanted) > AGREEMENT:
            raise RuntimeError(f"it gives {given} where scikit-learn gives {wanted}, for {flight}")


def _measure(seen: Seen, url: str, process: psutil.Process, script: Path, seconds: int) -> None:
    load(url, script, 16, 1)  # warm
    found: dict[int, tuple[float, float]] = {}
    for concurrency in CONCURRENCY:
        before = cpu_s(process)
        found[concurrency] = load(url, script, concurrency, seconds)
    used = cpu_s(process) - before
    # Kept only once all went well, so that every list has a value for each whole round.
    for concurrency, (rate, _) in found.items():
        seen.rates[concurrency].append(rate)
    rate, slowest = found[CONCURRENCY[-1]]
    seen.slowest_ms.append(slowest)
    seen.a_cpu_second.append(rate * seconds / used)
    seen.memory_mb.append(memory_mb(process))


def on_core(number: int) -> list[str]:
    """Words before a command that keep it on one core, so that server and load do not take from each other."""
    return ["taskset", "-c", str(number)] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []


def load(url: str, script: Path, concurrency: int, seconds: int) -> tuple[float, float]:
    """Requests a second, and the 99th percentile in ms; RuntimeError where a request was refused or lost."""
    done = subprocess.run(
        [*on_core(1), "wrk", "-t1", f"-c{concurrency}", f"-d{seconds}s", "--timeout", "30s", "--latency", "-s", str(script),
         url],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"at concurrency {concurrency}: {' '.join(done.stdout.split())}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])  # type: ignore[index]
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout).groups()  # type: ignore[union-attr]
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _script(body: str) -> str:
    return f"""wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{body}'
"""


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds that a server and its processes have used so far."""
    return sum(times.user + times.system for times in (one.cpu_times() for one in _family(process)))


def memory_mb(process: psutil.Process) -> float:
    """Of a server and its processes; pages that they share are counted once, where the system can tell."""
    return sum(getattr(info, "pss", info.uss) for info in (one.memory_full_info() for one in _family(process))) / 1e6


def _answers(client: httpx.Client, url: str, body: Any) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return client.post(url, json=body).is_success
    return False


def _last_words(log: Any) -> str:
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
