"""The front of the command `lab`: quick to answer, complete in its help, completing names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LAB = str(Path(sys.executable).with_name("lab"))
# Each takes a tenth of a second or more to import.
HEAVY = ("pydantic", "httpx", "numpy", "sklearn", "fastapi", "pytest", "docker", "jinja2", "yaml")


def lab(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LAB, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **env},
        timeout=60,
    )


def test_help_lists_every_command_with_a_line() -> None:
    from sandbox.cli import app

    said = lab("--help").stdout
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        first = (command.callback.__doc__ or "").split()[0]
        assert f"{name} " in said and first in said, name


def test_help_loads_nothing_heavy() -> None:
    told = f"import sys, sandbox.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_jail_that_serves_nothing_loads_no_http_client() -> None:
    told = "import sys, sandbox.jail as jail; print('httpx' in sys.modules); print(jail.Service.__name__)"
    done = subprocess.run([sys.executable, "-c", told], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "Service"]


@pytest.mark.parametrize("typed", ["lab check ", "lab hint 00", "lab verify 00"])
def test_labs_are_completed(typed: str) -> None:
    words = typed.split(" ")
    done = lab(_LAB_COMPLETE="complete_bash", COMP_WORDS=typed, COMP_CWORD=str(len(words) - 1))
    assert "00-orientation" in done.stdout.split()


@pytest.mark.parametrize("command", ["list", "progress", "doctor"])
def test_every_table_has_its_json(command: str) -> None:
    assert json.loads(lab(command, "--json").stdout)


def test_every_target_of_make_is_listed_with_a_line() -> None:
    listed = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    phony = next(line for line in (ROOT / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    for target in phony.split()[1:]:
        described = [line.split() for line in listed.splitlines() if line.split()[:2] == ["make", target]]
        assert described and len(described[0]) > 3, target
