"""The model service under load, beside other ways to serve the same model: requests a second, slowest answers, start, memory."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from sandbox.grading.live import free_port
from tests.benchmarks import Table

TITLE = "The model service"
FLIGHT = '{"carrier":"UA","origin":"EWR","dest":"ORD","month":7,"day":4,"sched_dep_time":1745,"distance":719}'
SCRIPT = f"""wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{FLIGHT}'
"""
CONCURRENCY = (1, 16, 64)
OURS, HELLO, PLAIN = "the service", "FastAPI without a model", "pandas and scikit-learn for each request"
PEERS = {
    HELLO: ["-m", "uvicorn", "tests.benchmarks.peers.hello:app", "--no-access-log", "--port"],
    PLAIN: ["-m", "uvicorn", "tests.benchmarks.peers.plain:app", "--no-access-log", "--port"],
}


@dataclass
class Seen:
    """What was seen of one way to serve: by concurrency, a value for each repeat."""

    ready_s: float = 0
    memory_mb: float = 0
    rates: dict[int, list[float]] = field(default_factory=lambda: {number: [] for number in CONCURRENCY})
    slowest_ms: list[float] = field(default_factory=list)


@contextlib.contextmanager
def serving(name: str, models: Path, seen: Seen) -> Iterator[str]:
    """One worker on the first core, until the block ends."""
    port = free_port()
    ours = ["-m", "sandbox.service", "serve", "--models", str(models), "--log", os.devnull, "--port"]
    arguments = ours if name == OURS else PEERS[name]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*on_core(0), sys.executable, *arguments, str(port)],
        env={**os.environ, "SERVICE_MODELS": str(models)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/predict"
    try:
        while not _answers(url):
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with status {process.returncode}")
            time.sleep(0.01)
        seen.ready_s = time.perf_counter() - began
        yield url
        seen.memory_mb = max(seen.memory_mb, psutil.Process(process.pid).memory_info().rss / 1e6)
    finally:
        process.terminate()
        process.wait()


def on_core(number: int) -> list[str]:
    """Words before a command that keep it on one core, so that server and load do not take from each other."""
    return ["taskset", "-c", str(number)] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []


def load(url: str, script: Path, concurrency: int, seconds: int) -> tuple[float, float]:
    """Requests a second, and the 99th percentile in ms."""
    done = subprocess.run(
        [*on_core(1), "wrk", "-t1", f"-c{concurrency}", f"-d{seconds}s", "--latency", "-s", str(script), url],
        capture_output=True,
        text=True,
        check=True,
    )
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(done.stdout)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])  # type: ignore[index]
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout).groups()  # type: ignore[union-attr]
    return rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.post(url, content=FLIGHT, headers={"Content-Type": "application/json"}, timeout=5).is_success
    return False


def measure(quick: bool) -> Table:
    """All ways in turns, several times over; medians, and ratios to the service."""
    if not shutil.which("wrk"):
        return Table(("way",), (), ("Not measured: wrk is not installed.",))
    repeats, seconds = (1, 1) if quick else (5, 4)
    names = (OURS, HELLO, PLAIN)
    seen = {name: Seen() for name in names}
    with tempfile.TemporaryDirectory(prefix="bench-service-") as folder:
        models, script = Path(folder) / "models", Path(folder) / "post.lua"
        script.write_text(SCRIPT)
        subprocess.run(
            [sys.executable, "-m", "sandbox.service", "prepare", "--models", str(models)],
            check=True,
            capture_output=True,
        )
        for _ in range(repeats):
            for name in names:
                with serving(name, models, seen[name]) as url:
                    load(url, script, 16, 1)  # warm
                    for concurrency in CONCURRENCY:
                        rate, slowest = load(url, script, concurrency, seconds)
                        seen[name].rates[concurrency].append(rate)
                        if concurrency == CONCURRENCY[-1]:
                            seen[name].slowest_ms.append(slowest)
    rows = []
    for name in names:
        rates = [statistics.median(seen[name].rates[number]) for number in CONCURRENCY]
        ours = [statistics.median(seen[OURS].rates[number]) for number in CONCURRENCY]
        times = "1" if name == OURS else " / ".join(f"{a / b:.2f}" for a, b in zip(ours, rates, strict=True))
        rows.append(
            (name, *rates, statistics.median(seen[name].slowest_ms), seen[name].ready_s, seen[name].memory_mb, times)
        )
    return Table(
        ("way", "req/s, 1 caller", "16", "64", "p99 ms, 64", "ready s", "memory MB", "service ÷ this, 1 / 16 / 64"),
        tuple(rows),
        (
            f"One worker on one core, wrk on another, one flight a request; medians of {repeats} interleaved rounds of {seconds} s.",
            "Not measured: MLServer, KServe, BentoML, MLflow and LitServe.",
        ),
    )
