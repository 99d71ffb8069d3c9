"""Reads a workflow as data: where its YAML breaks, what it would run, when it would start, with which rights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from sandbox.grading.api import fail
from sandbox.grading.plainyaml import NotYaml, read_yaml

KNOWN_ACTIONS = {"checkout", "setup-python", "cache", "upload-artifact", "download-artifact"}
RUNNERS = {"ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04"}
DEEPEST = 10
Table = Mapping[str, Any]


def parse(text: str, name: str, folder: Path) -> Workflow:
    """The workflow in a learner's file; fails the check that asks where it cannot be read.

    Args:
        name: the file's path in the repository ``folder``.
    """
    try:
        table = read_yaml(text, name)
    except NotYaml as error:
        fail(f"the workflow is not valid YAML, so nothing was run. {error}", expected="YAML that can be parsed")
    if not isinstance(table, Mapping):
        fail(f"{name} holds no workflow", observed=type(table).__name__, expected="a mapping with `on` and `jobs`")
    return Workflow(table, folder)


@dataclass(frozen=True)
class Workflow:
    """One workflow, parsed.

    Attributes:
        folder: the repository in which the files lie that it refers to.
        inherited: the rights of the job that calls it, where another workflow does.
        depth: how many workflows call one another above it.
    """

    table: Table
    folder: Path
    inherited: Any = None
    depth: int = 0

    @property
    def triggers(self) -> dict[str, Any]:
        """Event → its filters."""
        on = self.table.get("on")
        if isinstance(on, str):
            return {on: None}
        if isinstance(on, list):
            return {str(event): None for event in on}
        return dict(on) if isinstance(on, Mapping) else {}

    @property
    def jobs(self) -> dict[str, Table]:
        jobs = self.table.get("jobs")
        return {str(k): v for k, v in jobs.items() if isinstance(v, Mapping)} if isinstance(jobs, Mapping) else {}

    def all_jobs(self) -> Iterator[tuple[str, Table, Workflow]]:
        """Every job with the workflow it stands in, those of reusable workflows of this repository too."""
        for name, job in self.jobs.items():
            inner = self.called(job)
            if inner is None:
                yield name, job, self
            else:
                yield from ((f"{name} / {other}", body, home) for other, body, home in inner.all_jobs())

    def called(self, job: Table) -> Workflow | None:
        """The reusable workflow of this repository that a job calls."""
        # A workflow that calls itself would be read for ever; GitHub refuses more than ten, too.
        called = self._local(job.get("uses")) if self.depth < DEEPEST else None
        return None if called is None else Workflow(called, self.folder, self.rights(job), self.depth + 1)

    def rights(self, job: Table) -> Any:
        """What the token of a job may do, as written: by the job, the workflow, or the job that calls the workflow."""
        for place in (job, self.table):
            if "permissions" in place:
                return place["permissions"]
        return self.inherited

    @staticmethod
    def machines(job: Table) -> set[str]:
        """What a job wants to run on, with the values of its matrix filled in."""
        wanted = job.get("runs-on")
        if isinstance(wanted, Mapping):
            wanted = wanted.get("labels")
        found: set[str] = set()
        for label in _list(wanted):
            key = re.fullmatch(r"\s*\$\{\{\s*matrix\.([\w-]+)\s*\}\}\s*", label)
            found |= _values(job, key.group(1)) if key else {label}
        return found

    def legs(self, job: Table) -> int:
        """How many jobs a matrix makes of one, where its values can be read; 2 where they are made by another job."""
        strategy = job.get("strategy")
        matrix = strategy.get("matrix") if isinstance(strategy, Mapping) else None
        if matrix is None:
            return 1
        if not isinstance(matrix, Mapping):
            return 2
        axes = [value for key, value in matrix.items() if key not in ("include", "exclude")]
        if not all(isinstance(axis, list) for axis in (*axes, matrix.get("include", []))):
            return 2
        return prod(len(axis) for axis in axes) if axes else len(matrix.get("include", []))

    def waits_for(self, name: str) -> set[str]:
        """The jobs that are over before this one begins."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            needs = self.jobs.get(waiting.pop(), {}).get("needs") or []
            new = set(_list(needs)) - found
            found |= new
            waiting += new
        return found

    def uses(self) -> set[str]:
        """Every action and workflow of elsewhere that could run, also through actions of this repository."""
        found: set[str] = set()
        seen: set[str] = set()
        waiting = [self.table]
        while waiting:
            table = waiting.pop()
            for use in _uses(table):
                if not use.startswith("./"):
                    found.add(use)
                elif use not in seen:
                    seen.add(use)
                    if (called := self._local(use)) is not None:
                        waiting.append(called)
        return found

    def _local(self, use: object) -> Table | None:
        if not isinstance(use, str) or not use.startswith("./"):
            return None
        base = (self.folder / use).resolve()
        if not base.is_relative_to(self.folder.resolve()):
            return None
        for path in (base, base / "action.yml", base / "action.yaml"):
            if path.is_file():
                try:
                    table = read_yaml(path.read_text("utf-8", "replace"), use)
                except NotYaml:
                    return None
                return table if isinstance(table, Mapping) else None
        return None

    def starts_on(self, event: str, ref: str, changed: tuple[str, ...] = ("README.md",)) -> bool:
        """Whether an event starts the workflow, by the rules of GitHub's filters.

        Args:
            event: ``push`` or ``pull_request``.
            ref: a full ref; for a pull request that of the branch it wants to go into.
        """
        if event not in self.triggers:
            return False
        filters = self.triggers[event]
        if not isinstance(filters, Mapping):
            return True
        if (
            event == "pull_request"
            and "types" in filters
            and not {"opened", "synchronize"} <= set(_list(filters["types"]))
        ):
            return False
        kind, name = (
            ("tags", ref.removeprefix("refs/tags/"))
            if ref.startswith("refs/tags/")
            else ("branches", ref.removeprefix("refs/heads/"))
        )
        named = {key.removesuffix("-ignore") for key in filters}
        if event == "push" and kind not in named and {"branches", "tags"} & named:
            return False
        if kind in filters and not _match(_list(filters[kind]), name):
            return False
        if f"{kind}-ignore" in filters and _match(_list(filters[f"{kind}-ignore"]), name):
            return False
        if kind == "tags":
            return True
        if "paths" in filters and not any(_match(_list(filters["paths"]), path) for path in changed):
            return False
        return not ("paths-ignore" in filters and all(_match(_list(filters["paths-ignore"]), path) for path in changed))

    def tolerated(self, job_id: str, matrix: Mapping[str, Any]) -> bool:
        """Whether a failure of the job leaves the whole run green (`continue-on-error`; act does not regard it).

        act tells the name of a job alone, not of the workflow it stands in, so every job of that name counts.
        """
        for job in self._named(job_id):
            value = job.get("continue-on-error", False)
            if value is True or (isinstance(value, str) and _may_hold(value, matrix)):
                return True
        return False

    def _named(self, job_id: str) -> Iterator[Table]:
        for name, job in self.jobs.items():
            inner = self.called(job)
            if inner is not None:
                yield from inner._named(job_id)
            elif name == job_id:
                yield job


def _may_hold(expression: str, matrix: Mapping[str, Any]) -> bool:
    """Whether an expression is true for one leg of a matrix. What cannot be told from the matrix counts as true."""
    inside = re.fullmatch(r"\s*\$\{\{(.*)\}\}\s*", expression, re.DOTALL)
    text = (inside.group(1) if inside else expression).strip()
    if text in ("true", "false"):
        return text == "true"
    if match := re.fullmatch(r"matrix\.([\w-]+)(?:\s*\|\|\s*false)?", text):
        return matrix.get(match.group(1), False) in (True, "true")
    if match := re.fullmatch(r"matrix\.([\w-]+)\s*(==|!=)\s*(?:'([^']*)'|(true|false))", text):
        key, sign, word, truth = match.groups()
        value = matrix.get(key)
        same = value is (truth == "true") if truth else str(value).casefold() == word.casefold()
        return same == (sign == "==")
    return True


def _values(job: Table, key: str) -> set[str]:
    """The values that a job's matrix gives to one name; the name itself where they cannot be read."""
    strategy = job.get("strategy")
    matrix = strategy.get("matrix") if isinstance(strategy, Mapping) else None
    if not isinstance(matrix, Mapping):
        return {f"matrix.{key}"}
    rows = matrix.get("include", [])
    found = [row[key] for row in rows if isinstance(row, Mapping) and key in row] if isinstance(rows, list) else []
    axis = matrix.get(key, [])
    found += axis if isinstance(axis, list) else [axis]
    return {str(value) for value in found} or {f"matrix.{key}"}


def _uses(table: object) -> Iterator[str]:
    if isinstance(table, Mapping):
        for key, value in table.items():
            if key == "uses" and isinstance(value, str):
                yield value.strip()
            else:
                yield from _uses(value)
    elif isinstance(table, list):
        for value in table:
            yield from _uses(value)


def _list(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _match(patterns: list[str], name: str) -> bool:
    """GitHub's filter: the last pattern that matches decides, and one with `!` takes out."""
    inside = False
    for pattern in patterns:
        if re.fullmatch(_regex(pattern.removeprefix("!")), name):
            inside = not pattern.startswith("!")
    return inside


def _regex(pattern: str) -> str:
    text, i = "", 0
    while i < len(pattern):
        if pattern.startswith("**/", i):
            text, i = text + "(?:.*/)?", i + 3
        elif pattern.startswith("**", i):
            text, i = text + ".*", i + 2
        elif pattern[i] == "*":
            text, i = text + "[^/]*", i + 1
        elif pattern[i] in "?+":
            text, i = text + pattern[i], i + 1
        elif pattern[i] == "[" and "]" in pattern[i:]:
            end = pattern.index("]", i)
            text, i = text + pattern[i : end + 1], end + 1
        elif pattern[i] == "\\" and i + 1 < len(pattern):
            text, i = text + re.escape(pattern[i + 1]), i + 2
        else:
            text, i = text + re.escape(pattern[i]), i + 1
    return text
