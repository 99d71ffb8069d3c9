"""The model service under load, beside other ways to serve the same model: requests a second, slowest answers, start, memory."""

from __future__ import annotations

import shutil
from pathlib import Path

from sandbox.course import open_course
from tests.benchmarks import Table
from tests.benchmarks.reference import flights, reference
from tests.benchmarks.serving import COLUMNS, NOTE, in_turns, ours, prepare, table, uvicorn

TITLE = "The model service"
HELLO, PLAIN = "FastAPI without a model", "pandas and scikit-learn for each request"


def measure(quick: bool) -> Table:
    """All ways in turns, several times over; medians, and ratios to the service."""
    if not shutil.which("wrk"):
        return Table(COLUMNS, (), ("Not measured: wrk is not installed.",))
    rounds, seconds = (1, 1) if quick else (5, 4)
    models: Path = prepare(open_course().state / "bench" / "models")
    ways = (
        ours(models),
        uvicorn(HELLO, "hello", models, has_model=False),
        uvicorn(PLAIN, "plain", models, has_model=True),
    )
    seen, done, failed = in_turns(ways, reference(models), flights(), rounds=rounds, seconds=seconds)
    if failed:
        raise RuntimeError(str(failed))
    return table(seen, ways[0].name, [NOTE.format(done, seconds)])
