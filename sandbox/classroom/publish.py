"""Write what a graded class is for: the gradebook, files for other systems, feedback pages, the class page."""

from __future__ import annotations

import ast
import json
import tomllib
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sandbox.classroom import similarity
from sandbox.classroom.marks import Mark, mark_class
from sandbox.classroom.policy import Policy
from sandbox.classroom.roster import Joined, Student, join
from sandbox.classroom.similarity import Pair
from sandbox.classroom.store import Record
from sandbox.course import Lab
from sandbox.grading.results import CheckResult, LabResult
from sandbox.grading.store import write_atomically
from sandbox.reports import class_page, gradescope, html, junit, tables

HIDDEN = "Checks that your instructor keeps to themselves"


@dataclass(frozen=True)
class Private:
    """Names of what an instructor keeps from students: hidden checks, and private faults."""

    checks: frozenset[str] = frozenset()
    faults: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Published:
    """What was written, and what it was made of."""

    joined: Joined
    marks: list[Mark]
    files: list[Path]


def publish(
    lab: Lab, out: Path, records: list[Record], *, roster: tuple[Student, ...] | None = None, policy: Policy | None = None,
    private: Private | None = None, assignment: str = "",
) -> Published:  # fmt: skip
    """Write all reports of a class into ``out``; each file is replaced whole."""
    private = private or Private()
    joined = join(roster, records)
    results = [result for record in records if (result := record.lab_result)]
    max_score = max((result.max_score for result in results), default=0.0)
    marks = mark_class(joined, policy or Policy(), max_score)
    title = f"{lab.id} {lab.spec.title}"
    files: list[Path] = []

    def write(name: str, text: str) -> None:
        write_atomically(out / name, text)
        files.append(out / name)

    checks = list(dict.fromkeys(check.name for result in results for check in result.checks))
    write("gradebook.csv", tables.gradebook(marks, checks))
    write("canvas.csv", tables.canvas(marks, assignment or title))
    write("moodle.csv", tables.moodle(marks))
    names = {record.key: student.name for student in joined.students for record in joined.submissions[student.id]}
    feedback: dict[str, str] = {}
    keep: set[str] = set()
    for record in records:
        result = record.lab_result
        shown = for_student(result, private) if result and record.state == "graded" else _without(lab, record)
        name = f"feedback/{record.key}.html"
        write_atomically(out / name, html.render(shown, title=title, student=names.get(record.key, record.name)))
        feedback[record.key] = name
        keep.add(f"{record.key}.html")
        if record.state == "graded":
            write_atomically(out / "gradescope" / f"{record.key}.json", json.dumps(gradescope.render(shown), indent=1))
            write_atomically(out / "junit" / f"{record.key}.xml", junit.render(shown))
    for page in (out / "feedback").glob("*.html"):
        if page.name not in keep:
            page.unlink()
    same, pairs = _alike(lab, marks)
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    write(
        "class.html",
        class_page.render(title=title, made_at=made, marks=marks, same=same, pairs=pairs, feedback=feedback),
    )
    return Published(joined, marks, files)


def read_names(folder: Path | None, lab: Lab) -> Private:
    """The names of private checks and faults. The files are read, never run here."""
    if folder is None:
        return Private()
    base, checks, faults = folder / lab.id, set(), set()
    if (base / "checks.py").is_file():
        tree = ast.parse((base / "checks.py").read_text("utf-8"))
        checks = {
            node.name.removeprefix("check_")
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
        }
    for file in (base / "faults").glob("*.toml"):
        faults |= {str(fault["name"]) for fault in tomllib.loads(file.read_text("utf-8")).get("fault", [])}
    return Private(frozenset(checks), frozenset(faults))


def for_student(result: LabResult, private: Private) -> LabResult:
    """The result without anything that tells of private checks and faults but their points."""
    open_checks = [_without_faults(check, private) for check in result.checks if check.name not in private.checks]
    hidden = [check for check in result.checks if check.name in private.checks]
    if hidden:
        good = all(check.status == "passed" for check in hidden)
        whole = CheckResult(
            "hidden", HIDDEN, "passed" if good else "failed", round(sum(c.points for c in hidden), 4),
            round(sum(c.max_points for c in hidden), 4), "" if good else "not all of them pass",
        )  # fmt: skip
        open_checks.append(whole)
    return replace(result, checks=tuple(open_checks))


def _without_faults(check: CheckResult, private: Private) -> CheckResult:
    secret = [part for part in check.parts if part.name in private.faults]
    if not secret:
        return check
    parts = tuple(part for part in check.parts if part not in secret)
    bad = [part for part in parts if part.status == "failed"]
    missed = sum(part.status != "passed" for part in secret)
    lines = [f"{bad[0].title}: {bad[0].message}"] if bad else []
    lines += [f"{missed} of {len(secret)} faults that your instructor keeps private"] if missed else []
    message = "; also: ".join(lines) if check.status != "passed" else check.message
    return replace(check, parts=parts, message=message, observed="", expected="")


def _without(lab: Lab, record: Record) -> LabResult:
    """What a student reads whose work could not be graded."""
    problem = record.problem if record.state == "rejected" else "it could not be graded yet, which is no fault of yours"
    return LabResult(lab.id, "", "", "not graded", 0.0, (), {}, problem)


def _alike(lab: Lab, marks: list[Mark]) -> tuple[list[list[str]], list[Pair]]:
    """Groups of students with the same files, and pairs with nearly the same; of each student the attempt that counts."""
    counted = {mark.record.key: mark for mark in marks if mark.record and mark.record.fingerprint}
    by_digest: dict[str, list[str]] = defaultdict(list)
    for key, mark in counted.items():
        assert mark.record
        by_digest[mark.record.basis[0]].append(key)
    name = {key: mark.student.name for key, mark in counted.items()}
    same = [sorted(name[key] for key in keys) for keys in by_digest.values() if len(keys) > 1]
    starter = similarity.fingerprint(path.read_bytes() for path in lab.starter.rglob("*") if path.is_file())
    # One of each group stands for it: the group itself is told already.
    prints = {keys[0]: mark.record.fingerprint for keys in by_digest.values() if (mark := counted[keys[0]]).record}
    pairs = [Pair(name[pair.one], name[pair.other], pair.share) for pair in similarity.near(prints, starter)]
    return sorted(same), pairs
