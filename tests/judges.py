"""The judge's side of one lab, importable for as long as a test needs it: several labs have a package called ``judge``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

LABS = Path(__file__).resolve().parents[1] / "labs"


@contextmanager
def judge_of(lab: str) -> Iterator[Callable[[str], ModuleType]]:
    """Put a lab on Python's path, as a run of its checks does; gives a function that imports ``judge.NAME``."""
    _forget()
    sys.path.insert(0, str(LABS / lab))
    try:
        yield lambda name: importlib.import_module(f"judge.{name}")
    finally:
        sys.path.remove(str(LABS / lab))
        _forget()


def _forget() -> None:
    for name in [name for name in sys.modules if name == "judge" or name.startswith("judge.")]:
        del sys.modules[name]
