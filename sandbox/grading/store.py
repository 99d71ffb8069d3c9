"""What the kit remembers of a learner's runs: the last and the best result of each lab, and how far hints have climbed."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.course import Course, Lab
from sandbox.errors import UserError
from sandbox.grading.results import CheckResult, LabResult


@dataclass(frozen=True)
class Hint:
    """One step of a hint: ``number`` of ``total``, for the check ``check``."""

    check: str
    number: int
    total: int
    text: str


@dataclass(frozen=True)
class LabProgress:
    """Where the learner stands in one lab."""

    lab: Lab
    begun: bool
    last: LabResult | None
    best: float


class Store:
    """The files below ``.sandbox/results``; each is written whole or not at all."""

    def __init__(self, course: Course) -> None:
        self.course = course
        self.folder = course.state / "results"

    def save(self, result: LabResult) -> None:
        """Remember a run of all checks. A run that could not grade everything never replaces the best score."""
        table = self._read(result.lab)
        best = max(table.get("best", 0.0), result.score if result.complete else 0.0)
        self._write(result.lab, {**table, "last": result.to_json(), "best": best})

    def last(self, lab: Lab) -> LabResult | None:
        table = self._read(lab.id).get("last")
        return LabResult.from_json(table) if table else None

    def progress(self) -> list[LabProgress]:
        return [
            LabProgress(lab, lab.workspace.is_dir(), self.last(lab), self._read(lab.id).get("best", 0.0))
            for lab in self.course.labs
        ]

    def next_hint(self, lab: Lab, check: str = "") -> Hint:
        """The next step of the hints for ``check``, or for the first check that failed in the last run.

        Raises:
            UserError: nothing has failed yet, or there is no such check.
        """
        last = self.last(lab)
        if not check:
            failed = [result.name for result in last.checks if result.status == "failed"] if last else []
            if not failed:
                fix = f"Run `lab check {lab.number}` first." if last is None else "Nothing failed in the last run."
                raise UserError(f"There is no failed check to give a hint for in lab {lab.id}.", fix)
            check = failed[0]
        check = check.removeprefix("check_")
        steps = lab.hints.get(check)
        if not steps:
            raise UserError(f"Lab {lab.id} has no hints for {check!r}.", f"It has hints for {', '.join(lab.hints)}.")
        table = self._read(lab.id)
        given = table.get("hints", {})
        number = min(given.get(check, 0) + 1, len(steps))
        self._write(lab.id, {**table, "hints": {**given, check: number}})
        return Hint(
            check, number, len(steps), fill_hint(steps[number - 1], last.by_name().get(check) if last else None)
        )

    def forget(self, lab: Lab) -> None:
        """Drop the last result and the hints (the best score stays)."""
        table = self._read(lab.id)
        self._write(lab.id, {"best": table.get("best", 0.0)})

    def _read(self, lab_id: str) -> dict[str, Any]:
        try:
            table = json.loads((self.folder / f"{lab_id}.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return table if isinstance(table, dict) else {}

    def _write(self, lab_id: str, table: dict[str, Any]) -> None:
        write_atomically(self.folder / f"{lab_id}.json", json.dumps(table, indent=1))


def fill_hint(step: str, result: CheckResult | None) -> str:
    """Put what the last run observed into a step: ``{observed}``, ``{message}``, ``{failed_part}``, ``{failed_parts}``."""
    bad = [part.title.removesuffix(".") for part in result.parts if part.status == "failed"] if result else []
    values = {
        "{observed}": (result.observed if result else "") or "what you saw",
        "{message}": (result.message if result else "") or "the last message",
        "{failed_part}": bad[0] if bad else "the first failing part",
        "{failed_parts}": "; ".join(bad[:5]) or "the failing parts",
    }
    for name, value in values.items():
        step = step.replace(name, value)
    return step


def write_atomically(path: Path, text: str | Iterable[str]) -> None:
    """Write a file so that a reader, or a crash at any moment, finds the old content or the new, never half.

    Args:
        text: the content, or pieces of it, which are written as they come.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.writelines([text] if isinstance(text, str) else text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
