"""A course of one small lab, graded for real."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.course import Lab, open_course
from sandbox.grading.results import LabResult
from sandbox.grading.run import Options, grade

LAB_TOML = """id = "01-mini"
title = "Mini"
summary = "A lab for the tests of the judge."
audience = "The tests of the judge."
level = "beginner"
minutes = 10
accepts = ["*.txt", "*.py"]
[limits]
time_s = {time_s}
[[abilities]]
text = "write a number"
checks = ["first"]
"""

FAULTS = """[[fault]]
name = "one"
title = "the first thing is wrong"
reason = "it happens"
[[fault.edits]]
file = "code.py"
old = "a = 1"
new = "a = 2"

[[fault]]
name = "two"
title = "the second thing is wrong"
reason = "it happens"
params = { value = 2 }
"""


@pytest.fixture
def grade_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., LabResult]:
    """``grade_with(checks, files)``: the result of these checks on these files."""

    def run(checks: str, files: dict[str, str] | None = None, time_s: float = 60, **options: object) -> LabResult:
        lab = make_lab(tmp_path / "course", checks, time_s)
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        for name, text in (files or {}).items():
            (source / name).write_text(text)
        return grade(lab, source, Options(wall="process", **options))  # type: ignore[arg-type]

    monkeypatch.delenv("SANDBOX_STATE", raising=False)
    return run


def make_lab(root: Path, checks: str, time_s: float = 60) -> Lab:
    folder = root / "labs" / "01-mini"
    for name in ("starter", "faults"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "starter" / "answer.txt").write_text("")
    (folder / "faults" / "things.toml").write_text(FAULTS)
    (folder / "hints.md").write_text("## first\n\n1. a\n2. b\n3. c\n")
    (folder / "lab.toml").write_text(LAB_TOML.format(time_s=time_s))
    head = "from sandbox.grading import *\nfrom sandbox.grading import check, each_fault, each_case, needs, fail\n"
    (folder / "checks.py").write_text(head + checks)
    return open_course(root).find("01")
