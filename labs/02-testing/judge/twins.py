"""Twins: other right ways to write a place of the reference, as near to it as the faults are.

Without them every text that is nearly the reference would be a faulty one, and a test could undo the rewriting, compare
the rest with the code that was handed out, and never ask what the code does.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Twin:
    """One place of the reference and what may stand there: ``old`` occurs once in ``file``; each of ``new`` is as right."""

    file: str
    old: str
    new: tuple[str, ...]


def read_twins(path: Path) -> tuple[Twin, ...]:
    """All twins of a file of ``[[twin]]`` tables.

    Raises:
        OSError, ValueError, KeyError: the file is missing, is no TOML, or a table lacks a key.
    """
    tables = tomllib.loads(path.read_text("utf-8"))["twin"]
    return tuple(Twin(table["file"], table["old"], tuple(table["new"])) for table in tables)


def with_twins(text: str, file: str, twins: Iterable[Twin], rng: random.Random) -> str:
    """The text with one twin at least, where any fits, and half of the others: a fault never comes alone."""
    fitting = [twin for twin in twins if twin.file == file and text.count(twin.old) == 1]
    rng.shuffle(fitting)
    for number, twin in enumerate(fitting):
        # One twin may cover the place of another.
        if text.count(twin.old) == 1 and (number == 0 or rng.random() < 0.5):
            text = text.replace(twin.old, rng.choice(twin.new))
    return text
