"""The results of a class on disk: one file a submission, each written whole or not at all, under one lock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from sandbox.classroom.intake import Entry
from sandbox.classroom.similarity import Fingerprint
from sandbox.errors import UserError
from sandbox.grading.results import CheckResult, LabResult, Status
from sandbox.grading.store import write_atomically

SCHEMA = "devops-ml-sandbox/class-record/v1"
State = Literal["graded", "rejected", "ungraded"]
STATUSES: dict[Status, Status] = {status: status for status in get_args(Status)}


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one submission.

    Attributes:
        state: ``graded``; ``rejected``: it cannot be graded as it was handed in, and the student can mend that;
            ``ungraded``: this machine or the judge had trouble, which is no fault of the student.
        problem: why it is rejected or ungraded.
        basis: digests of submission, course and private checks: as long as they stay, so does the result.
        fingerprint: hashes of the accepted files' text, see ``similarity``.
        tries: how often it was graded before this state was reached.
    """

    key: str
    student: str
    name: str
    source: str
    state: State
    problem: str = ""
    late: bool = False
    attempt: int = 0
    submitted_at: str = ""
    basis: tuple[str, ...] = ()
    fingerprint: Fingerprint = field(default_factory=lambda: array("Q"))
    tries: int = 0
    result: LabResult | None = None

    @classmethod
    def of(cls, entry: Entry, state: State, problem: str = "") -> Record:
        """A record of an entry, without a result."""
        return cls(entry.key, entry.student, entry.name, entry.path.name, state, problem, entry.late, entry.attempt,
                   entry.submitted_at)  # fmt: skip

    def seen_again(self, entry: Entry) -> Record:
        """The same result, with what the source says of student, lateness and time now."""
        return replace(self, student=entry.student, name=entry.name, source=entry.path.name, late=entry.late,
                       attempt=entry.attempt, submitted_at=entry.submitted_at)  # fmt: skip

    def brief(self) -> Record:
        """The same without what only the student's own page tells, so that a class of thousands fits into memory."""
        if self.result is None:
            return self
        checks = tuple(
            CheckResult(
                sys.intern(c.name), sys.intern(c.title), STATUSES[c.status], c.points, c.max_points,
                sys.intern(c.message.partition("\n")[0][:500]), duration_s=c.duration_s,
            )
            for c in self.result.checks
        )  # fmt: skip
        # Read from JSON, each text is a copy of its own; a class shares most of them.
        basis = tuple(map(sys.intern, self.basis))
        result = replace(
            self.result, checks=checks, environment={}, course_digest=sys.intern(self.result.course_digest)
        )
        return replace(self, basis=basis, result=result)


class ClassStore:
    """The folder that a class is graded into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder alone; the lock goes with the process, however that ends.

        Raises:
            UserError: somebody else grades into it now, or it cannot be written.
        """
        try:
            self.results.mkdir(parents=True, exist_ok=True)
            file = (self.folder / ".lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise UserError(f"{self.folder} cannot be written: {error.strerror}.", "Name another with --out.") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise UserError(
                    f"{self.folder} is being graded into already: {file.read().strip() or 'by another process'}.",
                    "Wait until that run has ended, or name another folder with --out.",
                ) from None
            # A run that was killed in the middle of a write leaves a hidden file; nobody else can be writing now.
            for left in self.results.glob(".*.json.*"):
                left.unlink(missing_ok=True)
            file.seek(0)
            file.truncate()
            file.write(f"process {os.getpid()} on {platform.node()}, since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
            file.flush()
            yield

    def load(self, key: str) -> Record | None:
        """The record of a submission; None where there is none, or none that can be read."""
        try:
            table = json.loads((self.results / f"{key}.json").read_text("utf-8"))
            if table.pop("schema") != SCHEMA:
                return None
            table["basis"], table["fingerprint"] = tuple(table["basis"]), array("Q", table["fingerprint"])
            table["result"] = LabResult.from_json(table["result"]) if table["result"] else None
            return Record(**table)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None

    def save(self, record: Record) -> None:
        """Write a record.

        Raises:
            UserError: the disk is full or cannot be written; what was saved before stays.
        """
        path = self.results / f"{record.key}.json"
        table = {each.name: getattr(record, each.name) for each in fields(record)}
        table["fingerprint"] = list(record.fingerprint)
        table["result"] = record.result.to_json() if record.result else None
        try:
            write_atomically(path, json.dumps({"schema": SCHEMA, **table}))
        except OSError as error:
            raise UserError(
                f"{path} cannot be written: {error.strerror}.",
                "All results up to here are kept. Mend that, then run the same command: it goes on from here.",
            ) from None

    def drop(self, keep: set[str]) -> list[str]:
        """Remove records of submissions that are no longer in the class; their names."""
        gone = [path for path in self.results.glob("*.json") if path.stem not in keep]
        for path in gone:
            path.unlink()
        return sorted(path.stem for path in gone)

    def records(self) -> list[Record]:
        """Every record in brief, in order of students and attempts."""
        found = (self.load(path.stem) for path in self.results.glob("*.json"))
        return sorted(
            (record.brief() for record in found if record), key=lambda r: (r.name.casefold(), r.student, r.attempt)
        )
