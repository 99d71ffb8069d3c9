"""What the commands ``lab grade`` and ``lab class …`` do: grade with progress on the terminal, publish, sum up."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from sandbox.classroom.grade import ClassRun, Settings, Step, grade_class
from sandbox.classroom.intake import find_root, read_submissions
from sandbox.classroom.policy import fold, read_policy
from sandbox.classroom.publish import Published, publish, read_names
from sandbox.classroom.repositories import is_list, read_list
from sandbox.classroom.roster import read_roster, squeezed
from sandbox.classroom.store import ClassStore
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.grading.run import Options
from sandbox.grading.run import grade as grade_one
from sandbox.reports import gradescope
from sandbox.reports.terminal import SIGNS, points
from sandbox.workspace import WorkspaceError

NAMES = {"graded": ("✓", "green"), "rejected": ("✗", "yellow"), "ungraded": ("!", "bold magenta")}


def default_out(source: Path, lab: Lab) -> Path:
    """Beside the submissions: ``NAME-graded/NN-name``."""
    folder = source.resolve()
    return folder.with_name(f"{folder.stem if folder.is_file() else folder.name}-graded") / lab.id


def grade(
    lab: Lab, source: Path, *, out: Path | None, settings: Settings, roster: Path | None, policy: Path | None, assignment: str,
    console: Console | None,
) -> dict[str, Any]:  # fmt: skip
    """Grade a class, publish, and tell of it on ``console``.

    Returns:
        The summary that ``--json`` prints; ``ungraded`` in it counts what the machine could not grade.

    Raises:
        UserError: see :func:`grade_class`; roster or policy cannot be read (asked before anything is graded).
    """
    students = read_roster(roster) if roster else None
    rules = read_policy(policy)
    private = read_names(settings.private, lab)
    target = out or default_out(source, lab)
    try:
        with _progress(console) as on_step:
            run = grade_class(lab, source, target, replace(settings, policy=rules), on_step)
    except KeyboardInterrupt:
        if console:
            console.print("\nstopped; what was graded is kept, and the same command goes on from there")
        raise
    done = publish(lab, target, run.records, roster=students, policy=rules, private=private, assignment=assignment)
    summary = summarise(lab, target, run, done)
    if console:
        _print(console, summary, done)
    return summary


def republish(
    lab: Lab, out: Path, *, roster: Path | None, policy: Path | None, private: Path | None, assignment: str, console: Console
) -> None:  # fmt: skip
    """Write all reports again from results that are there: with another roster or policy, without grading.

    Raises:
        UserError: the folder holds no results.
    """
    records = ClassStore(out).records()
    if not records:
        raise UserError(f"{out} holds no results of a class.", "Grade it first: lab grade FOLDER --lab NN")
    done = publish(
        lab, out, records, roster=read_roster(roster) if roster else None, policy=read_policy(policy),
        private=read_names(private, lab), assignment=assignment,
    )  # fmt: skip
    _print(
        console,
        summarise(lab, out, ClassRun(records, 0, sum(record.result is not None for record in records), []), done),
        done,
    )


def summarise(lab: Lab, out: Path, run: ClassRun, done: Published) -> dict[str, Any]:
    """The facts of a run, for ``--json``."""
    states = Counter(record.state for record in run.records)
    return {
        "schema": "devops-ml-sandbox/class/v1",
        "lab": lab.id,
        "out": str(out),
        "submissions": len(run.records),
        "graded_now": run.graded,
        "kept": run.kept,
        **{state: states[state] for state in ("graded", "rejected", "ungraded")},
        "missing": [student.id for student in done.joined.missing],
        "unknown": [record.student for record in done.joined.unknown],
        "ambiguous": [record.student for record in done.joined.ambiguous],
        "roster_twice": list(done.joined.twice),
        "under_several_names": [student.id for student in done.joined.several],
        "extensions_of_nobody": done.strange,
        "gone": run.gone,
        "marks": [
            {"id": m.student.id, "name": m.student.name, "standing": m.standing, "raw": m.raw, "adjusted": m.adjusted,
             "max": m.max_score, "days_late": m.days_late, "note": m.note}
            for m in done.marks
        ],
    }  # fmt: skip


def list_intake(lab: Lab, source: Path, roster: Path | None) -> list[dict[str, Any]]:
    """What ``lab grade`` would take from a folder, without grading anything."""
    entries = read_list(source) if is_list(source) else read_submissions(source)
    known = {name for student in (read_roster(roster) if roster else ()) for name in student.known_as()}
    return [
        {"student": e.student, "name": e.name, "source": e.path.name, "attempt": e.attempt, "late": e.late,
         "submitted_at": e.submitted_at, "problem": e.problem, "beside": list(e.beside),
         "in_roster": {fold(n) for n in (e.student, e.name, squeezed(e.name))} & known != set() if roster else None}
        for e in entries
    ]  # fmt: skip


def grade_for_gradescope(lab: Lab, submission: Path, results: Path) -> None:
    """Grade one submission where Gradescope has put it, and write its ``results.json`` whatever happens."""
    try:
        result = grade_one(lab, find_root(lab, submission), Options(own_work=False))
        table = gradescope.render(result)
    except WorkspaceError as error:
        table = gradescope.failure(str(error))
    except (UserError, OSError) as error:
        table = {"output": f"This could not be graded, which is no fault of yours: {error}", "output_format": "text"}
    results.parent.mkdir(parents=True, exist_ok=True)
    results.write_text(json.dumps(table, indent=1), "utf-8")


@contextmanager
def _progress(console: Console | None) -> Iterator[Any]:
    """A line for each submission that was graded, above a bar with the time that is left where there is a terminal."""
    if console is None:
        yield lambda step: None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left:"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("grading", total=None)

        def show(step: Step) -> None:
            bar.update(task, completed=step.done, total=step.total)
            if step.fresh:
                console.print(_line(step), soft_wrap=True)

        yield show


def _line(step: Step) -> Text:
    record = step.record
    sign, style = NAMES[record.state]
    line = Text.assemble((f"{sign} ", style), f"{record.name[:28]:<28} ")
    result = record.result
    if record.state == "graded" and result:
        line.append(f"{points(result.score):>6} of {points(result.max_score)}  ")
        for check in result.checks:
            line.append(*SIGNS[check.status])
        line.append(f"  {result.duration_s:.1f} s", style="dim")
    else:
        line.append(f"{record.state}: {record.problem[:150]}", style="dim")
    return line


def _print(console: Console, summary: dict[str, Any], done: Published) -> None:
    console.print()
    table = Table(box=None, show_header=False, pad_edge=False)
    for word, text in (
        ("graded", f"{summary['graded']} of {summary['submissions']} submissions "
                   f"({summary['graded_now']} now, {summary['kept']} unchanged)"),
        ("rejected", str(summary["rejected"]) if summary["rejected"] else ""),
        ("not graded", str(summary["ungraded"]) if summary["ungraded"] else ""),
        ("missing", _names(summary["missing"])),
        ("not in the roster", _names(summary["unknown"])),
        ("fits several people", _names(summary["ambiguous"])),
        ("twice in the roster", _names(summary["roster_twice"])),
        ("under several names", _names(summary["under_several_names"])),
        ("extensions of nobody", _names(summary["extensions_of_nobody"])),
        ("no longer there", _names(summary["gone"])),
    ):  # fmt: skip
        if text:
            table.add_row(word, Text(text))
    console.print(table)
    if summary["ungraded"]:
        console.print(
            Text(
                "! Some could not be graded, which is no fault of the students: they have no mark, not a zero. "
                "See class.html for the reasons; the same command tries them again.",
                style="bold magenta",
            )
        )
    console.print(f"\nwrote {summary['out']}{os.sep}", highlight=False, markup=False, soft_wrap=True)
    console.print("  " + "  ".join([file.name for file in done.files] + ["feedback/ gradescope/ junit/"]), markup=False)


def _names(ids: list[str], most: int = 8) -> str:
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return f"{len(ids)}: {', '.join(ids[:most])}{more}" if ids else ""


def exit_status(summary: dict[str, Any]) -> int:
    """0 where every submission has a clear result, 3 where the machine could not grade one."""
    return 3 if summary["ungraded"] else 0
