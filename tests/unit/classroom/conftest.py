"""A small lab, and a class that has handed it in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.classroom.grade import ClassRun, Settings, grade_class
from sandbox.course import Lab
from tests.unit.grading.conftest import make_lab

CHECKS = '''
import os

@check(points=2, hint="read the page")
def check_first(submission):
    """The answer is 42."""
    text = submission.read("answer.txt").strip()
    if text == "judge breaks":
        raise KeyError("oops")
    if text == "judge dies":
        os.abort()
    assert text == "42", f"it is {text!r}"

@check(points=3, after="first")
@each_fault("things")
def check_catches(fault, jail, submission):
    """You catch {fault.title}."""
    seen = jail.run(["python", "code.py", fault.name], files=submission.path)
    assert seen.ok, f"it ended with {seen.exit_status}: {seen.stdout[:200]}"
'''
GOOD = {"answer.txt": "42", "code.py": "a = 1\n"}
FAULTY = {"answer.txt": "42", "code.py": "import sys\nsys.exit(sys.argv[1] == 'two')\n"}
WRONG = {"answer.txt": "41"}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A lab of two checks: the second one runs the submission in the jail, once a fault."""
    monkeypatch.delenv("SANDBOX_STATE", raising=False)
    monkeypatch.setenv("SANDBOX_COURSE", str(tmp_path / "course"))
    return make_lab(tmp_path / "course", CHECKS)


@pytest.fixture
def hand_in(tmp_path: Path) -> Callable[[str, dict[str, str]], Path]:
    """``hand_in(student, files)``: put a student's folder into the class; the class's folder."""

    def put(student: str, files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / "class" / student / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / "class"

    return put


@pytest.fixture
def grade_it(lab: Lab, tmp_path: Path) -> Callable[..., ClassRun]:
    """``grade_it(**settings)``: grade the class."""

    def run(on_step: Callable[..., None] = lambda step: None, **settings: object) -> ClassRun:
        return grade_class(lab, tmp_path / "class", tmp_path / "out", Settings(workers=2, **settings), on_step)  # type: ignore[arg-type]

    return run
