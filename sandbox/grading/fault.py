"""Faults: deliberate defects that a check injects, read from ``labs/NN-name/faults/GROUP.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class FaultError(Exception):
    """A fault file does not hold, or an edit no longer fits the code that it is meant to break."""


@dataclass(frozen=True)
class Edit:
    """Replace ``old``, which occurs exactly once in ``file``, by ``new``."""

    file: str
    old: str
    new: str

    def apply(self, folder: Path) -> None:
        """Make the replacement in ``folder``.

        Raises:
            FaultError: the file is missing, or the text does not occur exactly once.
        """
        path = folder / self.file
        if not path.is_file():
            raise FaultError(f"{self.file} is not in {folder}")
        text = path.read_text("utf-8")
        if (count := text.count(self.old)) != 1:
            raise FaultError(f"its text occurs {count} times in {self.file}, not once")
        path.write_text(text.replace(self.old, self.new), "utf-8")


@dataclass(frozen=True)
class Fault:
    """One deliberate defect.

    Attributes:
        name: unique in its group.
        title: what is wrong, in words that complete "Your tests fail when …".
        reason: why engineers make this mistake, or what it costs.
        edits: exact text replacements that inject it.
        params: a free table for the lab's own fixtures.
    """

    name: str
    title: str
    reason: str
    group: str = ""
    edits: tuple[Edit, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, folder: Path) -> None:
        """Make the edits in ``folder``.

        Raises:
            FaultError: a file is missing, or its text does not occur exactly once.
        """
        try:
            for edit in self.edits:
                edit.apply(folder)
        except FaultError as error:
            raise FaultError(f"fault {self.group}/{self.name}: {error}") from None


def read_faults(path: Path) -> tuple[Fault, ...]:
    """The faults of one group.

    Raises:
        FaultError: the file is missing, is no TOML, or has an unknown key or a name twice.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("fault", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise FaultError(f"{path}: {error}") from None
    faults = tuple(_fault(path, table) for table in tables)
    names = [fault.name for fault in faults]
    if twice := {name for name in names if names.count(name) > 1}:
        raise FaultError(f"{path}: used twice: {', '.join(sorted(twice))}")
    return faults


def _fault(path: Path, table: dict[str, Any]) -> Fault:
    if unknown := set(table) - {"name", "title", "reason", "edits", "params"}:
        raise FaultError(f"{path}: unknown key in a fault: {', '.join(sorted(unknown))}")
    try:
        edits = read_edits(table)
        return Fault(table["name"], table["title"], table["reason"], path.stem, edits, table.get("params", {}))
    except (KeyError, TypeError) as error:
        raise FaultError(f"{path}: fault {table.get('name', '?')!r}: {error}") from None


def read_edits(table: Mapping[str, Any]) -> tuple[Edit, ...]:
    """The ``[[edits]]`` of a table.

    Raises:
        TypeError: one of them lacks a key, or has one that is unknown.
    """
    return tuple(Edit(**edit) for edit in table.get("edits", ()))
