"""From results to marks: which attempt counts, what lateness costs, and who has none, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.classroom.policy import Policy
from sandbox.classroom.roster import Joined, Student
from sandbox.classroom.store import Record

Standing = Literal["graded", "rejected", "ungraded", "missing", "unknown", "ambiguous"]


@dataclass(frozen=True)
class Mark:
    """One student's mark for the lab.

    Attributes:
        raw: points of the attempt that counts, as the checks gave them; None where there is no grade.
        adjusted: the same with the policy applied.
        record: the attempt that counts, or the last one where none could be graded.
    """

    student: Student
    standing: Standing
    raw: float | None
    adjusted: float | None
    max_score: float
    days_late: int = 0
    attempts: int = 0
    record: Record | None = None

    @property
    def note(self) -> str:
        """What an instructor should know about it, one line."""
        match self.standing:
            case "missing":
                return "nothing was handed in"
            case "unknown":
                return "handed in, but not in the roster"
            case "ambiguous":
                return "fits several people of the roster"
            case "rejected" | "ungraded" if self.record:
                return self.record.problem
        return f"{self.days_late} day(s) late" if self.days_late else ""


def mark_class(joined: Joined, policy: Policy, max_score: float) -> list[Mark]:
    """A mark for everybody of the roster and for every submission of somebody else."""
    marks = [_mark(student, joined.submissions[student.id], policy, max_score) for student in joined.students]
    strangers: tuple[tuple[Standing, tuple[Record, ...]], ...] = (
        ("unknown", joined.unknown),
        ("ambiguous", joined.ambiguous),
    )
    for standing, records in strangers:
        for record in records:
            raw = record.result.score if record.state == "graded" and record.result else None
            days = policy.days_late(record, [record.name])
            marks.append(Mark(Student(record.student, record.name), standing, raw, None, max_score, days, 1, record))
    return marks


def _mark(student: Student, records: list[Record], policy: Policy, max_score: float) -> Mark:
    if not records:
        return Mark(student, "missing", None, None, max_score)
    names = student.known_as()
    tried = sorted(records, key=lambda record: (record.attempt, record.submitted_at))[: policy.attempts.most]
    scored = []
    for record in tried:
        if record.state == "graded" and (result := record.result):
            days = policy.days_late(record, names)
            scored.append((policy.adjusted(result.score, max_score, days), result.score, days, record))
    counts = policy.attempts.count
    chosen = tried[0] if counts == "first" else tried[-1]
    # Where the attempt that counts could not be graded, an older one must not silently stand in for it.
    if not scored or (counts != "best" and chosen.state != "graded"):
        state: Standing = "ungraded" if any(r.state == "ungraded" for r in tried) else "rejected"
        return Mark(student, state, None, None, max_score, policy.days_late(chosen, names), len(records), chosen)
    if counts == "best":
        if any(record.state == "ungraded" for record in tried):
            waiting = next(record for record in tried if record.state == "ungraded")
            return Mark(
                student, "ungraded", None, None, max_score, policy.days_late(waiting, names), len(records), waiting
            )
        adjusted, raw, days, record = max(scored, key=lambda row: (row[0], row[1]))
    else:
        adjusted, raw, days, record = next(row for row in scored if row[3] is chosen)
    return Mark(student, "graded", raw, adjusted, max_score, days, len(records), record)
