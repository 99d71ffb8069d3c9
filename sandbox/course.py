"""The course and its labs: find them, read and validate ``lab.toml``."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sandbox.errors import UserError

LAB_ID = re.compile(r"^\d{2}-[a-z0-9]+(-[a-z0-9]+)*$")


class CourseError(UserError):
    """The course itself is broken: a lab.toml that does not hold, a missing file, an unknown lab."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Strict):
    """What a submission may cost: seconds for a whole run, number of files, bytes in all."""

    time_s: float = Field(default=120, gt=0, le=3600)
    files: int = Field(default=200, gt=0, le=10_000)
    bytes: int = Field(default=2_000_000, gt=0, le=200_000_000)


class Ability(_Strict):
    """One thing that the learner can do after the lab, and the checks that prove it."""

    text: str = Field(min_length=8)
    checks: tuple[str, ...] = Field(min_length=1)


class LabSpec(_Strict):
    """The contents of ``lab.toml``."""

    id: str
    title: str = Field(min_length=2)
    summary: str = Field(min_length=8)
    audience: str = Field(min_length=8)
    level: Literal["beginner", "intermediate", "advanced"]
    minutes: int = Field(gt=0, le=600)
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    accepts: tuple[str, ...] = Field(min_length=1)
    needs: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    extra: str = ""
    live: bool = False
    limits: Limits = Limits()
    abilities: tuple[Ability, ...] = Field(min_length=1)

    @field_validator("id")
    @classmethod
    def _id_form(cls, value: str) -> str:
        if not LAB_ID.match(value):
            raise ValueError("an id is two digits, a dash and lower-case words, as in 02-testing")
        return value

    @field_validator("accepts")
    @classmethod
    def _globs_stay_inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if pattern.startswith("/") or ".." in Path(pattern).parts:
                raise ValueError(f"{pattern!r} leaves the workspace")
        return value


@dataclass(frozen=True)
class Lab:
    """One exercise: a folder ``labs/NN-name`` and what belongs to it elsewhere in the course."""

    course: Course
    folder: Path
    spec: LabSpec

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def number(self) -> str:
        return self.spec.id[:2]

    @property
    def starter(self) -> Path:
        return self.folder / "starter"

    @property
    def checks_file(self) -> Path:
        return self.folder / "checks.py"

    @property
    def solution(self) -> Path:
        return self.course.root / "solutions" / self.id

    @property
    def page(self) -> Path:
        return self.course.root / "docs" / "labs" / f"{self.id}.md"

    @property
    def solution_page(self) -> Path:
        return self.course.root / "docs" / "solutions" / f"{self.id}.md"

    @property
    def corpus(self) -> Path:
        return self.course.root / "tests" / "labs" / self.id

    @property
    def cheats(self) -> Path:
        return self.course.root / "tests" / "security" / "cheats" / self.id

    @property
    def workspace(self) -> Path:
        return self.course.work / self.id

    @cached_property
    def hints(self) -> dict[str, list[str]]:
        """Steps that climb, by check name (without ``check_``), read from ``hints.md``."""
        return parse_hints((self.folder / "hints.md").read_text("utf-8"))

    def digest(self) -> str:
        """``sha256:…`` of all that decides a grade of this lab: its folder and the judge's code."""
        kit = self.course.root / "sandbox"
        return digest_of([self.folder, *(kit / part for part in ("grading", "jail", "faults"))])


@dataclass(frozen=True)
class Course:
    """All labs, in order."""

    root: Path

    @property
    def work(self) -> Path:
        """Where workspaces live; ``SANDBOX_WORK`` names another folder."""
        return Path(os.environ.get("SANDBOX_WORK") or self.root / "work")

    @property
    def state(self) -> Path:
        """Where the kit keeps its own state and logs; ``SANDBOX_STATE`` names another folder."""
        return Path(os.environ.get("SANDBOX_STATE") or self.root / ".sandbox")

    @cached_property
    def labs(self) -> tuple[Lab, ...]:
        """Every lab, validated.

        Raises:
            CourseError: a lab's folder or its ``lab.toml`` does not hold; names the file and the line.
        """
        folders = sorted(f for f in (self.root / "labs").iterdir() if (f / "lab.toml").is_file())
        labs = tuple(read_lab(self, folder) for folder in folders)
        _check_order(labs)
        return labs

    def find(self, name: str) -> Lab:
        """The lab named by its number (``2``, ``02``), its name (``testing``), its id or a prefix of one.

        Raises:
            CourseError: no lab fits, or more than one; suggests the nearest.
        """
        wanted = name.strip().lower()
        if wanted.isdigit():
            wanted = wanted.zfill(2)
        for fits in (
            lambda lab: wanted in (lab.id, lab.number, lab.id[3:]),
            lambda lab: bool(wanted) and (lab.id.startswith(wanted) or lab.id[3:].startswith(wanted)),
        ):
            found = [lab for lab in self.labs if fits(lab)]
            if len(found) == 1:
                return found[0]
            if found:
                raise CourseError(f"{name!r} fits {', '.join(lab.id for lab in found)}.", "Name one of them.")
        names = {key: lab.id for lab in self.labs for key in (lab.id, lab.id[3:], lab.number)}
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
        fix = f"Did you mean {names[near[0]]}?" if near else f"The labs are: {', '.join(lab.id for lab in self.labs)}."
        raise CourseError(f"There is no lab {name!r}.", fix)


def open_course(root: Path | None = None) -> Course:
    """The course at ``root``, else at ``SANDBOX_COURSE``, else the checkout that this package lies in."""
    chosen = root or Path(os.environ.get("SANDBOX_COURSE") or Path(__file__).resolve().parents[1])
    if not (chosen / "labs").is_dir():
        raise CourseError(f"{chosen} holds no course: it has no folder labs/.", "Run `lab` from a clone of the course.")
    return Course(chosen)


def read_lab(course: Course, folder: Path) -> Lab:
    """Read and validate one lab's folder."""
    spec = read_spec(folder / "lab.toml")
    if spec.id != folder.name:
        raise _error(folder / "lab.toml", "id", f"the id is {spec.id!r} but the folder is {folder.name!r}")
    for needed in ("starter", "checks.py", "hints.md"):
        if not (folder / needed).exists():
            raise CourseError(f"{folder / needed} is missing.", "Every lab has starter/, checks.py and hints.md.")
    return Lab(course, folder, spec)


def read_spec(path: Path) -> LabSpec:
    """Read ``lab.toml``.

    Raises:
        CourseError: the file is no TOML, has an unknown key or a wrong value; names the line.
    """
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path}: not valid TOML: {error}") from None
    try:
        return LabSpec.model_validate(table)
    except ValidationError as error:
        first = error.errors()[0]
        where = [part for part in first["loc"] if isinstance(part, str)]
        message = {"extra_forbidden": "unknown key", "missing": "missing"}.get(first["type"], first["msg"])
        raise _error(path, where[-1] if where else "", f"{'.'.join(map(str, first['loc']))}: {message}") from None


def parse_hints(text: str) -> dict[str, list[str]]:
    """Split ``hints.md`` into its steps: ``## name`` sections, each with an ordered list."""
    hints: dict[str, list[str]] = {}
    steps: list[str] = []
    for line in text.splitlines():
        if heading := re.match(r"##\s+`?(?:check_)?([\w-]+)`?\s*$", line):
            steps = hints.setdefault(heading[1], [])
        elif item := re.match(r"\d+[.)]\s+(.*)", line):
            steps.append(item[1].strip())
        elif steps and line.startswith((" ", "\t")) and line.strip():
            steps[-1] += " " + line.strip()
    return hints


def digest_of(paths: list[Path]) -> str:
    """``sha256:…`` over names and contents of files and folders, in a fixed order."""
    total = hashlib.sha256()
    for base in paths:
        for name, file in _files_below(base):
            total.update(f"{name}\0{file.stat().st_size}\0".encode())
            total.update(file.read_bytes())
    return f"sha256:{total.hexdigest()}"


def _files_below(base: Path) -> Iterator[tuple[str, Path]]:
    if base.is_file():
        yield base.name, base
        return
    for file in sorted(base.rglob("*")):
        if file.is_file() and not file.is_symlink() and "__pycache__" not in file.parts:
            yield f"{base.name}/{file.relative_to(base).as_posix()}", file


def _check_order(labs: tuple[Lab, ...]) -> None:
    known = {lab.id for lab in labs}
    before = {lab.id: set(lab.spec.before) for lab in labs}
    for lab in labs:
        if lab.id in before[lab.id]:
            raise _error(lab.folder / "lab.toml", "before", "a lab cannot come before itself")
    # A name of a lab that is not here yet is allowed: courses are adapted by leaving labs out. A cycle is not.
    done: set[str] = set()
    while left := [lab for lab in labs if lab.id not in done]:
        ready = [lab.id for lab in left if not (before[lab.id] & known) - done]
        if not ready:
            names = ", ".join(lab.id for lab in left)
            raise _error(left[0].folder / "lab.toml", "before", f"these labs wait for each other: {names}")
        done.update(ready)


def _error(path: Path, key: str, message: str) -> CourseError:
    line = (
        next(
            (
                n
                for n, text in enumerate(path.read_text("utf-8").splitlines(), 1)
                if re.match(rf"\s*\[*\s*{re.escape(key)}\b", text)
            ),
            0,
        )
        if key
        else 0
    )
    return CourseError(
        f"{path}{f':{line}' if line else ''}: {message}.", "See docs/reference/lab-toml.md for every key."
    )
