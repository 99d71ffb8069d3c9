"""Results on a terminal: a line as each check finishes, then the first failures told in full."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sandbox.grading.results import CheckResult, LabResult, Status
from sandbox.grading.store import LabProgress

SIGNS: dict[Status, tuple[str, str]] = {
    "passed": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("–", "dim"),
    "blocked": ("▢", "yellow"),
    "error": ("!", "bold magenta"),
}
SHOWN = 3
"""How many failures are told in full: one learns from the first ones, a wall of text is not read."""


def points(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


class CheckPrinter:
    """Prints the events of a run as they come."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status = console.status("starting the checks …") if console.is_terminal else None

    def __enter__(self) -> CheckPrinter:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._status:
            self._status.stop()

    def __call__(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "jail" if event.get("notice"):
                self.console.print(Text(event["notice"], style="yellow"))
            case "start" if self._status:
                self._status.update(f"checking {escape(event['name'])} …")
            case "part" if self._status:
                self._status.update(f"checking {escape(event['name'])}: {escape(event['part']['name'])} …")
            case "result":
                self.console.print(check_line(CheckResult.from_json(event["check"])))


def check_line(check: CheckResult) -> Text:
    """One line: sign, title, points."""
    sign, style = SIGNS[check.status]
    line = Text.assemble((f"{sign} ", style), check.title)
    line.append(f"  {points(check.points)}/{points(check.max_points)}", style="dim")
    if check.parts:
        good = sum(part.status == "passed" for part in check.parts)
        line.append(f"  ({good} of {len(check.parts)})", style="dim")
    if check.status in ("skipped", "blocked"):
        line.append(f"  {check.status}: {check.message}", style="dim")
    elif check.status == "passed" and check.message:
        line.append(f"  {check.message}", style="dim")
    return line


def print_summary(console: Console, result: LabResult, number: str) -> None:
    """The first failures in full, then score and what to do next."""
    # What others wait for comes first: mending it tells more than mending what nobody comes after.
    waited_for = {name for check in result.checks for name in check.after}
    failed = [check for check in result.checks if check.status == "failed"]
    failed.sort(key=lambda check: check.name not in waited_for)
    for check in failed[:SHOWN]:
        console.print()
        console.print(Text(f"✗ {check.title}", style="bold red"))
        console.print(Padding(_story(check), (0, 0, 0, 2)))
    if len(failed) > SHOWN:
        console.print(
            Text(
                f"\n… and {len(failed) - SHOWN} more. Mend these first; --json and --report html tell all.", style="dim"
            )
        )
    for name, reason in list(result.environment.get("refused", {}).items())[:5]:
        console.print(Text(f"left out: {name!a} is {reason}", style="yellow"))
    console.print()
    if result.problem:
        console.print(Text(f"! This run could not grade everything: {result.problem}", style="bold magenta"))
    console.print(_score(result))
    if result.passed:
        console.print(Text("All checks pass. Now read “Break it” on the lab's page.", style="green"))
    elif failed:
        console.print(Text(f"A hint: lab hint {number}    Check again on each save: lab watch {number}", style="dim"))


def _story(check: CheckResult) -> Text:
    text = Text(check.message)
    if check.observed:
        text.append("\nseen:     ", style="bold").append(check.observed)
    if check.expected:
        text.append("\nexpected: ", style="bold").append(check.expected)
    bad = [part for part in check.parts if part.status == "failed"]
    if bad and bad[0].why:
        text.append("\nwhy it matters: ", style="bold").append(bad[0].why)
    for part in bad[1:6]:
        text.append("\n· ", style="dim").append(part.title)
    if len(bad) > 6:
        text.append(f"\n· and {len(bad) - 6} more", style="dim")
    if check.hint:
        text.append("\nhint: ", style="bold cyan").append(check.hint)
    return text


def _score(result: LabResult) -> Text:
    width = 24
    share = result.score / result.max_score if result.max_score else 0.0
    filled = int(share * width)
    good = sum(check.status == "passed" for check in result.checks)
    line = Text.assemble(("█" * filled, "green"), ("░" * (width - filled), "dim"))
    line.append(f"  {points(result.score)} of {points(result.max_score)} points, {good} of {len(result.checks)} checks")
    line.append(f", {result.duration_s:.1f} s, {result.environment.get('jail') or 'no'} jail", style="dim")
    if not result.complete:
        line.append("  incomplete", style="bold yellow")
    return line


def progress_table(rows: list[LabProgress]) -> Table:
    """Where the learner stands in each lab."""
    table = Table("lab", "title", "state", "last", "best", box=None, header_style="bold", pad_edge=False)
    for row in rows:
        state = "not begun" if not row.begun else "begun"
        last = ""
        if row.last:
            state = "passed" if row.last.passed else "in work"
            last = f"{points(row.last.score)}/{points(row.last.max_score)}"
        style = {"passed": "green", "in work": "yellow"}.get(state, "dim")
        table.add_row(row.lab.id, row.lab.spec.title, Text(state, style=style), last, points(row.best))
    return table
