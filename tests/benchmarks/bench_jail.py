"""What a jail costs: the time from start to end of a command that does nothing, bare and behind each wall.

Run as ``python tests/benchmarks/bench_jail.py [--repeats N] [--docker-repeats N] [--json]``. The walls take turns, so
that a machine that slows down slows all of them; each row is a median with its quartiles over all rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from sandbox.jail import Jail, JailUnavailable, open_jail

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


def measure(ways: dict[str, Callable[[], object]], repeats: dict[str, int]) -> list[Row]:
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


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status says nothing about speed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100, help="rounds of the quick ways")
    parser.add_argument("--docker-repeats", type=int, default=10, help="rounds of the ways with Docker; 0: leave out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args(argv)
    if arguments.repeats < 2 or arguments.docker_repeats == 1 or arguments.docker_repeats < 0:
        parser.error("quartiles need at least two rounds")
    ways, missing = ways_to_start(arguments.docker_repeats > 0)
    repeats = {name: arguments.docker_repeats if "docker" in name else arguments.repeats for name in ways}
    rows = measure(ways, repeats)
    if arguments.json:
        print(json.dumps({"cores": os.cpu_count(), "rows": [asdict(row) for row in rows], "missing": missing}))
        return 0
    print(f"{'way':24} {'runs':>5} {'median ms':>10} {'quartiles':>17} {'over bare':>10} {'× bare':>8}")
    for row in rows:
        quartiles = f"{row.lower_quartile_ms:.1f} to {row.upper_quartile_ms:.1f}"
        print(
            f"{row.name:24} {row.runs:5} {row.median_ms:10.1f} {quartiles:>17} {row.over_bare_ms:10.1f} {row.times_bare:8.1f}"
        )
    for line in missing:
        print(f"not measured: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
