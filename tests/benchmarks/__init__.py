"""Benchmarks: `make bench`, or `python -m tests.benchmarks [NAME…] [--quick] [--json] [--write]`.

Each module `bench_NAME.py` has `TITLE` and `measure(quick: bool) -> Table`. A benchmark reports and never decides: no test
asserts a time. What is compared is measured in one run, in turns, so that a machine that slows down slows all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Table:
    """What one benchmark measured.

    Attributes:
        columns: the heads, with units; the first column names the row.
        rows: as many cells a row as there are columns; numbers are rounded when they are shown.
        notes: what was made equal, and what was not measured.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    notes: tuple[str, ...] = field(default=())


def shown(value: str | float | int | None) -> str:
    """A cell as text: about three digits of a number, a dash for what was not measured."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"
