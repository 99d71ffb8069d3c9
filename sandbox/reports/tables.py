"""Marks as CSV: the instructor's gradebook, and what Canvas and Moodle import.

Canvas: the columns of its gradebook export (Student, ID, SIS User ID, SIS Login ID, Section), a column named like the
assignment, and the line "Points Possible". Moodle: the columns of the assignment's offline grading worksheet; its importer
(``assignfeedback_offline``) refuses a file without "Identifier", "Grade" or "Last modified (grade)".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from sandbox.classroom.marks import Mark
from sandbox.reports.terminal import points

GRADEBOOK = (
    "id", "name", "email", "section", "standing", "raw", "adjusted", "max", "days_late", "attempts", "attempt", "submitted_at",
    "note", "submission_digest", "course_digest",
)  # fmt: skip


FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the start of a formula; some read the wide forms as the narrow ones."""


def gradebook(marks: Sequence[Mark], checks: Sequence[str]) -> str:
    """One line a student with the raw score beside the adjusted one, and the points of each check."""
    rows = []
    for mark in marks:
        record, student = mark.record, mark.student
        result = record.result if record else None
        earned = (
            {check.name: points(check.points) for check in result.checks} if result and mark.raw is not None else {}
        )
        rows.append([
            student.id, student.name, student.email, student.section, mark.standing, _number(mark.raw), _number(mark.adjusted),
            points(mark.max_score), str(mark.days_late), str(mark.attempts), str(record.attempt) if record else "",
            record.submitted_at if record else "", mark.note, record.basis[0] if record and record.basis else "",
            record.basis[1] if record and record.basis else "", *(earned.get(name, "") for name in checks),
        ])  # fmt: skip
    return _csv([[*GRADEBOOK, *checks], *rows])


def canvas(marks: Sequence[Mark], assignment: str) -> str:
    """Canvas's import. A student without a grade keeps an empty cell, which Canvas leaves as it is.

    Canvas reads "ID" as its own number and looks at the SIS columns where there is none: other ids must not stand there.

    Args:
        assignment: as Canvas's own export writes it, with its number: ``Lab 02 (12345)``; without one Canvas asks.
    """
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]
    most = points(marks[0].max_score) if marks else ""
    rows = []
    for m in marks:
        if m.standing in ("unknown", "ambiguous"):
            continue
        own = m.student.id if m.student.id.isdecimal() else ""
        sis = m.student.sis_id or ("" if own else m.student.id)
        rows.append([m.student.name, own, sis, m.student.login, m.student.section, _number(m.adjusted)])
    return _csv([head, ["    Points Possible", "", "", "", "", most], *rows])


def moodle(marks: Sequence[Mark]) -> str:
    """Moodle's offline grading worksheet; only students with a grade, so that nobody's is emptied."""
    head = ["Identifier", "Full name", "ID number", "Email address", "Grade", "Maximum Grade", "Last modified (grade)",
            "Feedback comments"]  # fmt: skip
    rows = []
    for mark in marks:
        if mark.adjusted is None:
            continue
        number = mark.student.participant or (mark.record.student if mark.record else mark.student.id)
        identifier = number if number.startswith("Participant ") else f"Participant {number}"
        rows.append([identifier, mark.student.name, mark.student.id, mark.student.email, _number(mark.adjusted),
                     points(mark.max_score), "", mark.note])  # fmt: skip
    return _csv([head, *rows])


def _number(value: float | None) -> str:
    return "" if value is None else points(value)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([[neutral(cell) for cell in row] for row in rows])
    return out.getvalue()


def neutral(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: what looks like one gets an apostrophe, as OWASP advises."""
    clean = cell.replace("\0", "")
    return f"'{clean}" if clean.lstrip(" \n")[:1] in FORMULA else clean
