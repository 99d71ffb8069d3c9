"""What scikit-learn itself says of a flight: the measure of every server's answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sandbox.service import data
from sandbox.service.features import matrix, row
from sandbox.service.model import load_pipeline
from sandbox.service.schema import Flight as Checked
from tests.benchmarks.serving import FLIGHT, Flight


def numbers(flight: Flight) -> list[float]:
    """The columns of a flight, as the model reads them."""
    return list(row(Checked(**flight)))


def reference(models: Path) -> Callable[[Flight], float]:
    """The probability that the trained pipeline gives a flight."""
    pipeline = load_pipeline(models)

    def expected(flight: Flight) -> float:
        return float(pipeline.predict_proba(matrix([row(Checked(**flight))]))[0, 1])

    return expected


def flights(count: int = 24) -> list[Flight]:
    """Real flights of July whose readings are all known, and the one that the load asks for."""
    known = [flight for flight in data.sample(7, 4 * count, 1).requests() if None not in flight.values()]
    return [FLIGHT, *known[: count - 1]]
