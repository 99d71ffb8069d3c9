"""Write what a graded class is for: the gradebook, files for other systems, feedback pages, the class page."""

from __future__ import annotations

import ast
import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sandbox.classroom import similarity
from sandbox.classroom.marks import Mark, mark_class
from sandbox.classroom.policy import Policy, fold
from sandbox.classroom.roster import Joined, Student, join
from sandbox.classroom.similarity import Pair
from sandbox.classroom.store import ClassStore, Record
from sandbox.classroom.work import digest_of_files, read_private
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.grading.results import CheckResult, LabResult
from sandbox.grading.store import write_atomically
from sandbox.reports import class_page, gradescope, html, junit, tables
from sandbox.reports.terminal import points

HIDDEN = "Checks that your instructor keeps to themselves"


@dataclass(frozen=True)
class Private:
    """What an instructor keeps from students.

    Attributes:
        shown: names of the checks that students may see, where there are hidden ones; None: all.
        faults: names of the private faults.
        digest: of the folder that they come from.
    """

    shown: frozenset[str] | None = None
    faults: frozenset[str] = frozenset()
    digest: str = ""


@dataclass(frozen=True)
class Published:
    """What was written, what it was made of, and extensions of the policy that are nobody's."""

    joined: Joined
    marks: list[Mark]
    files: list[Path]
    strange: list[str]


def publish(
    lab: Lab, out: Path, records: list[Record], *, roster: tuple[Student, ...] | None = None, policy: Policy | None = None,
    private: Private | None = None, assignment: str = "",
) -> Published:  # fmt: skip
    """Write all reports of a class into ``out``; each file is replaced whole.

    Args:
        records: in brief will do: what a student's own page tells is read from ``out``, one record at a time.

    Raises:
        UserError: they were graded with private faults or checks, and ``private`` is not where those came from.
    """
    private, policy, store = private or Private(), policy or Policy(), ClassStore(out)
    _know_what_is_private(records, private)
    joined = join(roster, records)
    results = [result for record in records if (result := record.result)]
    max_score = max((result.max_score for result in results), default=0.0)
    marks = mark_class(joined, policy, max_score)
    title = f"{lab.id} {lab.spec.title}"
    files: list[Path] = []

    def write(name: str, text: str | Iterable[str]) -> None:
        _renew(out / name, text)
        files.append(out / name)

    checks = list(dict.fromkeys(check.name for result in results for check in result.checks))
    write("gradebook.csv", tables.gradebook(marks, checks))
    write("canvas.csv", tables.canvas(marks, assignment or title))
    write("moodle.csv", tables.moodle(marks))
    names = {record.key: student.name for student in joined.students for record in joined.submissions[student.id]}
    notes = {key: note for mark in marks for key, note in _notes(mark, joined)}
    feedback: dict[str, str] = {}
    keep: set[Path] = set()
    for brief in records:
        record = store.load(brief.key) or brief
        shown = (
            for_student(record.result, private) if record.result and record.state == "graded" else _without(lab, record)
        )
        feedback[record.key] = f"feedback/{record.key}.html"
        pages = {
            feedback[record.key]: html.render(
                shown, title=title, student=names.get(record.key, record.name), note=notes.get(record.key, "")
            )
        }
        if record.state == "graded":
            pages[f"gradescope/{record.key}.json"] = json.dumps(gradescope.render(shown), indent=1)
            pages[f"junit/{record.key}.xml"] = junit.render(shown)
        for name, text in pages.items():
            _renew(out / name, text)
            keep.add(out / name)
    for folder in ("feedback", "gradescope", "junit"):
        for page in (out / folder).glob("*"):
            if page not in keep:
                page.unlink()
    same, pairs = _alike(lab, marks)
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    write(
        "class.html",
        class_page.render(title=title, made_at=made, marks=marks, same=same, pairs=pairs, feedback=feedback),
    )
    return Published(joined, marks, files, _nobodys_extensions(policy, joined))


def _notes(mark: Mark, joined: Joined) -> Iterator[tuple[str, str]]:
    """What the policy made of each of a student's attempts, for the student."""
    for record in joined.submissions.get(mark.student.id, []):
        if mark.standing != "graded" or mark.record is None:
            continue
        if record.key != mark.record.key:
            yield record.key, "Another attempt of yours is the one that counts."
        elif mark.raw != mark.adjusted and mark.adjusted is not None:
            days = "1 day" if mark.days_late == 1 else f"{mark.days_late} days"
            yield record.key, f"It came {days} late: {points(mark.adjusted)} of {points(mark.max_score)} points count."


def _renew(path: Path, text: str | Iterable[str]) -> None:
    # Most of a class is as it was: a file that would not change is not written, which is what takes the time.
    try:
        if isinstance(text, str) and path.read_text("utf-8") == text:
            return
    except (OSError, UnicodeError):
        pass
    try:
        write_atomically(path, text)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written: {error.strerror}.",
            "All results are kept. Mend that, then run the same command.",
        ) from None


def _know_what_is_private(records: list[Record], private: Private) -> None:
    used = {record.basis[2] for record in records if len(record.basis) > 2 and record.state == "graded"} - {""}
    if used - {private.digest}:
        raise UserError(
            "These results were graded with private faults or checks, which students must not see.",
            "Name the same folder with --private, so that they can be left out. If it has changed, grade again.",
        )


def _nobodys_extensions(policy: Policy, joined: Joined) -> list[str]:
    known = {name for student in joined.students for name in student.known_as()}
    known |= {fold(name) for record in (*joined.unknown, *joined.ambiguous) for name in (record.student, record.name)}
    return sorted(name for name in policy.extensions if fold(name) not in known)


def read_names(folder: Path | None, lab: Lab) -> Private:
    """What of a lab's results is private. The files are read, never run here.

    Raises:
        UserError: the folder has nothing for this lab.
    """
    if folder is None:
        return Private()
    files = read_private(folder, lab)
    faults = {
        str(fault["name"])
        for name, content in files.items()
        if Path(name).parent.name == "faults" and name.endswith(".toml")
        for fault in tomllib.loads(content.decode("utf-8")).get("fault", [])
    }
    # By the lab's own list: a check that is defined in a way which nobody thought of is hidden then, not shown.
    shown = None
    if f"{lab.id}/checks.py" in files:
        tree = ast.parse(lab.checks_file.read_text("utf-8"))
        shown = frozenset(
            node.name.removeprefix("check_")
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
        )
    return Private(shown, frozenset(faults), digest_of_files(files))


def for_student(result: LabResult, private: Private) -> LabResult:
    """The result without anything that tells of private checks and faults but their points."""
    secret = [check for check in result.checks if private.shown is not None and check.name not in private.shown]
    open_checks = [_without_faults(check, private) for check in result.checks if check not in secret]
    if secret:
        good = all(check.status == "passed" for check in secret)
        whole = CheckResult(
            "hidden", HIDDEN, "passed" if good else "failed", round(sum(c.points for c in secret), 4),
            round(sum(c.max_points for c in secret), 4), "" if good else "not all of them pass",
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
