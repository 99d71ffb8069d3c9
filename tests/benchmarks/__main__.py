"""Find the benchmarks, run them, show and keep what they measured."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table as RichTable

from sandbox.course import open_course
from tests.benchmarks import Table, shown

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "reference" / "performance"
NAMES = tuple(sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")))
# Run only when named: they fetch what they measure.
ON_REQUEST = ("peers",)


def machine() -> str:
    """The machine in one line."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        cpu = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def markdown(table: Table, where: str, when: str) -> str:
    """The table as a page includes it."""
    lines = [f"| {' | '.join(table.columns)} |", f"| --- |{' ---: |' * (len(table.columns) - 1)}"]
    lines += [f"| {' | '.join(shown(cell) for cell in row)} |" for row in table.rows]
    return "\n".join([*lines, "", f"Measured on {when}: {where}.", *(f"{note}" for note in table.notes)]) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; the exit status says nothing about speed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(NAMES)} (default: all but {', '.join(ON_REQUEST)})"
    )
    parser.add_argument("--quick", action="store_true", help="fewer rounds: to see that it works")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help=f"renew the tables in {PAGES.relative_to(ROOT)}/")
    given = parser.parse_args(argv)
    if unknown := sorted(set(given.names) - set(NAMES)):
        parser.error(f"there is no benchmark {', '.join(unknown)}; there is {', '.join(NAMES)}")
    # Ended from outside, a benchmark still ends the servers that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console, where, when = Console(stderr=given.json), machine(), f"{datetime.now(UTC):%d %B %Y}"
    console.print(f"{where}; load {os.getloadavg()[0]:.1f}", highlight=False)
    folder = open_course().state / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    results = {}
    for name in given.names or [name for name in NAMES if name not in ON_REQUEST]:
        load = os.getloadavg()[0]
        module = import_module(f"tests.benchmarks.bench_{name}")
        with console.status(f"{name} …"):
            table: Table = module.measure(given.quick)
        results[name] = {"title": module.TITLE, "machine": where, "load": load, **asdict(table)}
        (folder / f"{name}.json").write_text(json.dumps(results[name], indent=1), "utf-8")
        rich = RichTable(*table.columns, title=module.TITLE)
        for row in table.rows:
            rich.add_row(*(shown(cell) for cell in row))
        console.print(rich, *table.notes, sep="\n", highlight=False)
        if given.write:
            PAGES.mkdir(parents=True, exist_ok=True)
            (PAGES / f"{name}.md").write_text(markdown(table, f"{where}; load before it {load:.1f}", when), "utf-8")
    if given.json:
        print(json.dumps(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
