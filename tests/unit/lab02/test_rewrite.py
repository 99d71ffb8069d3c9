"""The codes that lab 02 lays before a learner's tests: every text of a correct code is correct, every faulty one is faulty."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.grading.fault import read_faults
from tests.judges import judge_of

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "labs" / "02-testing"
SOLUTION = ROOT / "solutions" / "02-testing"


@pytest.fixture(scope="module")
def code() -> Iterator[Any]:
    """The lab's module ``judge.code``, as its fixtures import it."""
    with judge_of("02-testing") as module:
        yield module("code")


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run_solution(package: Path, *folders: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "-c",
        "/dev/null",
    ]
    return subprocess.run(
        [*command, "--rootdir", str(package), *(str(SOLUTION / "tests" / folder) for folder in folders)],
        cwd=package,
        env={
            "PATH": "",
            "PYTHONPATH": str(package),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("number", range(4))
def test_the_same_seed_gives_the_same_text_and_another_seed_another(code: Any, number: int) -> None:
    first = code.Workshop(1).correct(number).files
    assert code.Workshop(1).correct(number).files == first
    other = code.Workshop(2).correct(number).files
    assert [name for name in first if first[name] == other[name] and not name.endswith("__init__.py")] == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("number", range(4))
def test_every_text_of_a_correct_code_is_correct(code: Any, tmp_path: Path, number: int, seed: int) -> None:
    package = write(tmp_path, dict(code.Workshop(seed).correct(number).files))
    run = run_solution(package, "unit", "integration", "legacy")
    assert run.returncode == 0, run.stdout[-2000:]


def test_every_fault_fits_and_changes_the_code(code: Any) -> None:
    workshop = code.Workshop(7)
    correct = workshop.correct(0).files
    for group in ("features", "api", "legacy"):
        for fault in read_faults(LAB / "faults" / f"{group}.toml"):
            files = workshop.faulty(fault).files
            assert files.keys() == correct.keys()
            assert [name for name in files if files[name] != correct[name]] == sorted({e.file for e in fault.edits})
            for name, text in files.items():
                compile(text, name, "exec")
