"""The code under test: correct, faulty and hollow, each time in another text."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from judge.rewrite import rewrite
from judge.twins import read_twins, with_twins
from sandbox.grading import Fault

LAB = Path(__file__).resolve().parents[1]
PACKAGE = "flightdelay"
REFERENCE = LAB / "starter"
HOLLOW = LAB / "judge" / "hollow"
OTHERS = tuple(sorted(folder for folder in (LAB / "judge" / "implementations").iterdir() if folder.is_dir()))
IMPLEMENTATIONS = (REFERENCE, *OTHERS)
TWINS = read_twins(LAB / "judge" / "twins.toml")
MODULES = tuple(sorted(path.name for path in (REFERENCE / PACKAGE).glob("*.py")))


@dataclass(frozen=True)
class Code:
    """A package ``flightdelay``: its files by their name below the workspace."""

    name: str
    files: Mapping[str, str]


class Workshop:
    """Makes the code of one grading run; the same seed makes the same code.

    A faulty code is the reference with a fault; the first correct code is the reference without one. In both some places
    are written in another right way, and all of it is rewritten at random, so only what they do tells them apart. The
    other correct codes share nothing but the contract with them.
    """

    def __init__(self, seed: object) -> None:
        self._seed = seed
        self._text = cache(self._rewritten)

    def correct(self, number: int) -> Code:
        """One of the correct codes, from 0 (the reference) to ``len(IMPLEMENTATIONS) - 1``."""
        return Code(f"correct-{number}", self._package(IMPLEMENTATIONS[number]))

    def hollow(self) -> Code:
        """Answers of the right types, all wrong, without an exception."""
        return Code("hollow", self._package(HOLLOW))

    def faulty(self, fault: Fault) -> Code:
        """The reference with a fault.

        Raises:
            FaultError: an edit does not fit.
        """
        rng = self._rng("fault", fault.group, fault.name)
        broken = sorted({edit.file for edit in fault.edits})
        files = self._package(REFERENCE)
        with tempfile.TemporaryDirectory(prefix="fault-") as temporary:
            folder = Path(temporary)
            shutil.copytree(REFERENCE / PACKAGE, folder / PACKAGE)
            fault.apply(folder)
            for name in broken:
                files[name] = rewrite(with_twins((folder / name).read_text("utf-8"), name, TWINS, rng), rng)
        return Code(f"{fault.group}/{fault.name}", files)

    def _package(self, implementation: Path) -> dict[str, str]:
        return {f"{PACKAGE}/{module}": self._text(implementation / PACKAGE / module) for module in MODULES}

    def _rewritten(self, path: Path) -> str:
        rng = self._rng("text", path.relative_to(LAB).as_posix())
        text = path.read_text("utf-8")
        if path.is_relative_to(REFERENCE):
            text = with_twins(text, path.relative_to(REFERENCE).as_posix(), TWINS, rng)
        return rewrite(text, rng)

    def _rng(self, *words: str) -> random.Random:
        return random.Random(f"{self._seed}:{':'.join(words)}")
