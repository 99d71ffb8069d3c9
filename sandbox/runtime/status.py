"""What is true of the stack now, as a record, JSON and a table."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

Condition = Literal["running", "starting", "unhealthy", "died", "stopped", "left out", "unknown"]
COLOURS: dict[str, str] = {
    "running": "green",
    "starting": "yellow",
    "unhealthy": "red",
    "died": "red",
    "unknown": "yellow",
}


@dataclass(frozen=True)
class UnitStatus:
    """One part of the stack.

    Attributes:
        state: ``running`` (it answers), ``starting``, ``unhealthy`` (there, but does not answer), ``died`` (was started
            and is gone), ``stopped``, ``left out`` (this machine lacks what it needs), ``unknown`` (Docker is silent).
        kind: ``process`` or ``container``.
        pid, container: which one it is; 0 and empty where there is none.
        since: seconds since the epoch when it was started; 0 where it was not.
        detail: a sentence for people where something is wrong.
    """

    name: str
    title: str
    state: Condition
    kind: Literal["process", "container"]
    url: str
    port: int
    variable: str
    pid: int = 0
    container: str = ""
    since: float = 0.0
    detail: str = ""
    log: str = ""


@dataclass(frozen=True)
class Status:
    """The whole stack. ``runtime`` is empty where nothing was started."""

    runtime: str
    reason: str
    profiles: tuple[str, ...]
    units: tuple[UnitStatus, ...]

    @property
    def started(self) -> bool:
        return bool(self.runtime)

    @property
    def healthy(self) -> bool:
        """It was started, and all that belongs to it answers."""
        return self.started and all(unit.state in ("running", "left out") for unit in self.units)

    def unit(self, name: str) -> UnitStatus:
        """The unit of that name; ``KeyError`` where it is not part of what was started."""
        for unit in self.units:
            if unit.name == name:
                return unit
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        units = [{**asdict(unit), "since": _iso(unit.since)} for unit in self.units]
        return {
            "runtime": self.runtime or None,
            "reason": self.reason,
            "profiles": list(self.profiles),
            "healthy": self.healthy,
            "units": units,
        }


def render(status: Status, console: Console) -> None:
    """Print the table of `lab status`."""
    table = Table("", "what", "state", "where", "as", "since", box=None, header_style="bold", pad_edge=False)
    marks = {"running": "✓", "starting": "…", "stopped": "–", "left out": "–"}
    for unit in status.units:
        style = COLOURS.get(unit.state, "dim")
        which = f"{unit.kind} {unit.container or unit.pid}" if unit.pid or unit.container else ""
        state, mark = Text(unit.state, style=style), Text(marks.get(unit.state, "✗"), style=style)
        since = _ago(unit.since) if unit.since else ""
        table.add_row(mark, unit.title, state, Text(unit.url), Text(which, style="dim"), since)
    for column in table.columns:
        column.no_wrap = True
    console.print(table)
    for unit in status.units:
        if unit.detail:
            console.print(f"{unit.title}: {unit.detail}", markup=False)
    if not status.started and any(unit.state != "stopped" for unit in status.units):
        console.print("Something runs, and what was started is not on record. Mend it: make start. End it: make stop")
    elif not status.started:
        console.print("Nothing is started. Start it: make start")
    elif status.healthy:
        console.print(f"Runtime {status.runtime}: {status.reason}", markup=False)
    else:
        console.print("Something is not as it should be. Heal it: make start. See why: lab logs NAME")


def _iso(seconds: float) -> str | None:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else None


def _ago(seconds: float) -> str:
    passed = max(0, int(time.time() - seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if passed >= size:
            return f"{passed // size} {unit} ago"
    return f"{passed} s ago"
