"""What a jail costs: the time from start to end of a command that does nothing, bare and behind each wall.

The walls take turns, so that a machine that slows down slows all of them; each row is a median over all rounds.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.jail import Jail, JailUnavailable, open_jail
from tests.benchmarks import Table

TITLE = "What a jail costs"
COMMAND = ["true"]
FILES = {f"package/module_{number}.py": "x = 1\n" * 200 for number in range(20)}


@dataclass(frozen=True)
class Row:
    """One way to start a command: milliseconds, and how they compare with starting it bare."""

    name: str
    runs: int
    median_ms: float
    lower_quartile_ms: float
    upper_quartile_ms: float
    over_bare_ms: float
    times_bare: float


def time_ways(ways: dict[str, Callable[[], object]], repeats: dict[str, int]) -> list[Row]:
    """Time each way as often as asked, in turns, after one unmeasured round."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for turn in range(max(repeats.values())):
        for name, way in ways.items():
            if turn < repeats[name]:
                began = time.perf_counter()
                way()
                taken[name].append((time.perf_counter() - began) * 1000)
    bare = statistics.median(taken["bare"])
    rows = []
    for name, times in taken.items():
        lower, median, upper = statistics.quantiles(times, n=4)
        rows.append(Row(name, len(times), median, lower, upper, median - bare, median / bare))
    return rows


def ways_to_start(with_docker: bool) -> tuple[dict[str, Callable[[], object]], list[str]]:
    """Every way that this machine has, and what it lacks."""
    ways: dict[str, Callable[[], object]] = {
        "bare": lambda: subprocess.run(COMMAND, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    }
    missing = []

    def run(jail: Jail, files: dict[str, str] | None) -> None:
        seen = jail.run(COMMAND, files=files)
        if not seen.ok:
            raise RuntimeError(f"{jail.name}: {seen}")

    for wall in ("process", "bubblewrap", *(("docker",) if with_docker else ())):
        try:
            jail = open_jail(wall)
        except JailUnavailable as error:
            missing.append(f"{wall}: {error.message}")
            continue
        ways[wall] = lambda jail=jail: run(jail, None)  # type: ignore[misc]
        ways[f"{wall}, 20 files"] = lambda jail=jail: run(jail, FILES)  # type: ignore[misc]
    docker = shutil.which("docker")
    image = _any_image(docker) if with_docker and docker else None
    if docker and image:
        plain = [docker, "run", "--rm", "--network", "none", "--entrypoint", "true", image]
        ways["docker run (plain)"] = lambda: subprocess.run(plain, check=True, capture_output=True)
    return ways, missing


def _any_image(docker: str) -> str | None:
    listing = subprocess.run(
        [docker, "images", "python", "--format", "{{.Repository}}:{{.Tag}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    names = listing.stdout.split()
    return names[0] if names else None


def measure(quick: bool) -> Table:
    """Medians of many rounds."""
    ways, missing = ways_to_start(with_docker=True)
    repeats = {name: (3 if quick else 10) if "docker" in name else (10 if quick else 100) for name in ways}
    rows = time_ways(ways, repeats)
    return Table(
        ("way to start `true`", "median ms", "quartiles ms", "over bare ms", "× bare"),
        tuple(
            (
                row.name,
                row.median_ms,
                f"{row.lower_quartile_ms:.1f} to {row.upper_quartile_ms:.1f}",
                row.over_bare_ms,
                row.times_bare,
            )
            for row in rows
        ),
        tuple(f"Not measured: {line}." for line in missing),
    )
