"""A class at a glance: one page with no request to another host, every text escaped."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from statistics import median

from jinja2 import Environment, StrictUndefined, Template

from sandbox.classroom.marks import Mark
from sandbox.classroom.similarity import Pair
from sandbox.grading.results import CheckResult
from sandbox.reports.terminal import SIGNS, points

BINS = 10


@dataclass(frozen=True)
class CheckRow:
    """How the class did on one check: share of students that passed, share of its points that were earned."""

    name: str
    title: str
    passed: float
    earned: float
    seconds: float


@dataclass(frozen=True)
class Group:
    """One message, and who got it; what differs between students (numbers, quoted text) is left out of it."""

    check: str
    message: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class Bar:
    """One bar of the distribution: students whose share of the points lies from ``low`` to ``high`` per cent."""

    low: int
    high: int
    count: int


def render(
    *, title: str, made_at: str, marks: Sequence[Mark], same: Sequence[Sequence[str]], pairs: Sequence[Pair],
    feedback: dict[str, str],
) -> Iterator[str]:  # fmt: skip
    """The page in pieces: that of thousands of students is larger than all that is known of them.

    Args:
        same: groups of students whose accepted files are the same byte by byte.
        pairs: submissions that are nearly the same; names are those of students.
        feedback: address of a student's own page, by the key of the record.
    """
    graded = [mark for mark in marks if mark.raw is not None]
    scores = [mark.raw for mark in graded if mark.raw is not None]
    checks = check_rows(graded)
    return _template().generate(
        title=title, made_at=made_at, marks=marks, graded=graded, apart=[m for m in marks if m.standing != "graded"],
        checks=checks, hardest=sorted(checks, key=lambda row: row.earned)[:5],
        slowest=sorted(checks, key=lambda row: -row.seconds)[:5], bars=distribution(graded), groups=groups(graded),
        same=same, pairs=pairs, feedback=feedback, signs={status: sign for status, (sign, _) in SIGNS.items()},
        mean=sum(scores) / len(scores) if scores else 0.0, middle=median(scores) if scores else 0.0,
        max_score=marks[0].max_score if marks else 0.0, by_check=_by_check,
    )  # fmt: skip


def check_rows(marks: Sequence[Mark]) -> list[CheckRow]:
    """A row for each check, in the lab's order."""
    seen: dict[str, list[CheckResult]] = defaultdict(list)
    for mark in marks:
        for check in _by_check(mark).values():
            seen[check.name].append(check)
    return [
        CheckRow(
            name,
            results[0].title,
            sum(check.status == "passed" for check in results) / len(results),
            sum(check.points for check in results) / (sum(check.max_points for check in results) or 1.0),
            median(check.duration_s for check in results),
        )
        for name, results in seen.items()
    ]


def distribution(marks: Sequence[Mark]) -> list[Bar]:
    """Students by share of the points, in ten bars; the last holds full marks too."""
    shares = [min(int(BINS * (mark.raw or 0) / (mark.max_score or 1)), BINS - 1) for mark in marks]
    counts = Counter(shares)
    return [Bar(at * 100 // BINS, (at + 1) * 100 // BINS, counts[at]) for at in range(BINS)]


def groups(marks: Sequence[Mark], most: int = 12) -> list[Group]:
    """The messages that most students got, the commonest first."""
    who: dict[tuple[str, str], list[str]] = defaultdict(list)
    for mark in marks:
        for check in _by_check(mark).values():
            if check.status == "failed":
                who[check.title, alike(check.message)].append(mark.student.name)
    rows = [Group(check, message, tuple(sorted(names))) for (check, message), names in who.items()]
    return sorted(rows, key=lambda row: (-len(row.students), row.check, row.message))[:most]


def alike(message: str) -> str:
    """A message without what differs from student to student."""
    text = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`", "…", message.split("\n")[0])
    text = re.sub(r"\d+(\.\d+)?", "#", text)
    return text if len(text) <= 160 else text[:159] + "…"


def _by_check(mark: Mark) -> dict[str, CheckResult]:
    result = mark.record.result if mark.record else None
    return result.by_name() if result else {}


@cache
def _template() -> Template:
    text = (resources.files("sandbox.reports") / "class.html.jinja").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["points"] = points
    return environment.from_string(text)
