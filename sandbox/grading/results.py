"""The one result record. Everything that shows, stores or exports a grade renders these classes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SCHEMA = "devops-ml-sandbox/result/v1"

Status = Literal["passed", "failed", "skipped", "blocked", "error"]


@dataclass(frozen=True, slots=True)
class PartResult:
    """One sub-check: a single fault or case. ``why`` says, for a fault that was not noticed, why it matters."""

    name: str
    title: str
    status: Status
    message: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's outcome. ``message``, ``observed`` and ``expected`` are written for the learner."""

    name: str
    title: str
    status: Status
    points: float
    max_points: float
    message: str = ""
    observed: str = ""
    expected: str = ""
    hint: str = ""
    after: tuple[str, ...] = ()
    duration_s: float = 0.0
    parts: tuple[PartResult, ...] = ()

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> CheckResult:
        values = dict(table)
        values["after"] = tuple(values.get("after", ()))
        values["parts"] = tuple(PartResult(**part) for part in values.get("parts", ()))
        return cls(**values)


@dataclass(frozen=True, slots=True)
class LabResult:
    """One run of one lab's checks on one submission."""

    lab: str
    course_digest: str
    submission_digest: str
    started_at: str
    duration_s: float
    checks: tuple[CheckResult, ...]
    environment: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    """Why the run as a whole could not be finished; empty where it was."""

    @property
    def score(self) -> float:
        return round(sum(check.points for check in self.checks), 4)

    @property
    def max_score(self) -> float:
        return round(sum(check.max_points for check in self.checks), 4)

    @property
    def complete(self) -> bool:
        """False where a check was blocked or the judge erred: the score is then a lower bound, not a grade."""
        return not self.problem and all(check.status not in ("blocked", "error") for check in self.checks)

    @property
    def passed(self) -> bool:
        return bool(self.checks) and self.complete and all(check.status == "passed" for check in self.checks)

    @property
    def exit_status(self) -> int:
        """0 all passed, 1 something failed, 3 could not grade (blocked or error)."""
        if self.passed:
            return 0
        return 1 if self.complete else 3

    def by_name(self) -> dict[str, CheckResult]:
        return {check.name: check for check in self.checks}

    def to_json(self) -> dict[str, Any]:
        """The record as DESIGN section 4 fixes it."""
        return {
            "schema": SCHEMA,
            "lab": self.lab,
            "course_digest": self.course_digest,
            "submission_digest": self.submission_digest,
            "started_at": self.started_at,
            "duration_s": round(self.duration_s, 3),
            "complete": self.complete,
            "score": self.score,
            "max_score": self.max_score,
            "checks": [asdict(check) for check in self.checks],
            "environment": self.environment,
            "problem": self.problem,
        }

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> LabResult:
        """Read back what :meth:`to_json` wrote.

        Raises:
            ValueError: the record has another schema.
        """
        if table.get("schema") != SCHEMA:
            raise ValueError(f"expected a record of schema {SCHEMA}, got {table.get('schema')!r}")
        return cls(
            lab=table["lab"],
            course_digest=table["course_digest"],
            submission_digest=table["submission_digest"],
            started_at=table["started_at"],
            duration_s=table["duration_s"],
            checks=tuple(CheckResult.from_json(check) for check in table["checks"]),
            environment=table.get("environment", {}),
            problem=table.get("problem", ""),
        )
