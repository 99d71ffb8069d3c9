"""What an instructor has decided about late work and further attempts: ``policy.toml``."""

from __future__ import annotations

import math
import tomllib
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sandbox.classroom.store import Record
from sandbox.errors import UserError

DAY_S = 86_400


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Late(_Strict):
    """What lateness costs: ``percent_per_day`` of the lab's points for each day that has begun after the grace."""

    grace_minutes: float = Field(default=0, ge=0)
    percent_per_day: float = Field(default=0, ge=0, le=100)
    most_percent: float = Field(default=100, ge=0, le=100)
    most_days: int | None = Field(default=None, ge=0)
    """After so many days a submission counts nothing; without it, ``most_percent`` is all that can be lost."""


class Attempts(_Strict):
    """Which of several attempts counts."""

    count: Literal["last", "best", "first"] = "last"
    most: int | None = Field(default=None, ge=1)
    """Only so many attempts are looked at, the earliest first."""


class Policy(_Strict):
    """The contents of ``policy.toml``; without a file nothing is taken off and the last attempt counts."""

    due: datetime | None = None
    late: Late = Late()
    attempts: Attempts = Attempts()
    extensions: dict[str, datetime] = Field(default_factory=dict)
    """A later due date of their own for some students, by id."""

    def due_for(self, names: Iterable[str]) -> datetime | None:
        """The due date of somebody who is known by these names."""
        mine = self._extension(names)
        return self.due if mine is None else mine

    def days_late(self, record: Record, names: Iterable[str] = ()) -> int:
        """Days that had begun when it was handed in. Where only the source's mark "late" is known, one.

        Args:
            names: what the student is known as beside what the source says, for extensions.
        """
        known = {record.student, *names}
        due, submitted = self.due_for(known), parse_time(record.submitted_at)
        if due is None or submitted is None:
            return int(record.late and self._extension(known) is None)
        over = (submitted - _aware(due)).total_seconds() - 60 * self.late.grace_minutes
        return max(0, math.ceil(over / DAY_S))

    def _extension(self, names: Iterable[str]) -> datetime | None:
        plain = {fold(name) for name in names}
        return next((time for name, time in self.extensions.items() if fold(name) in plain), None)

    def adjusted(self, score: float, max_score: float, days: int) -> float:
        """The score with the policy applied, never below zero."""
        if self.late.most_days is not None and days > self.late.most_days:
            return 0.0
        percent = min(self.late.percent_per_day * days, self.late.most_percent)
        return round(max(0.0, score - max_score * percent / 100), 4)


def read_policy(path: Path | None) -> Policy:
    """Read ``policy.toml``.

    Raises:
        UserError: the file is missing, no TOML, or has an unknown key or a wrong value.
    """
    if path is None:
        return Policy()
    try:
        return Policy.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Name a policy.toml with --policy.") from None
    except (tomllib.TOMLDecodeError, UnicodeError) as error:
        raise UserError(f"{path} is no valid TOML: {error}", "docs/instructors/grading.md shows one.") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {where}: {first['msg']}.", "docs/instructors/grading.md lists every key.") from None


def fold(text: str) -> str:
    """A name as names are compared: whatever its case, and however its accents were typed."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def parse_time(text: Any) -> datetime | None:
    """An instant as the sources write it (ISO 8601); without a zone it is taken as UTC. None where it is no time."""
    try:
        return _aware(datetime.fromisoformat(str(text).replace(" UTC", "+00:00")))
    except ValueError:
        return None


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)
