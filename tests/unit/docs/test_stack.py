"""The page on the stack keeps step with the file that describes the stack."""

from __future__ import annotations

import re

import pytest

from sandbox.course import Course
from sandbox.runtime.settings import compose_document, read_settings
from sandbox.runtime.units import Unit, read_units

from .conftest import ROOT

PAGE = ROOT / "docs" / "reference" / "stack.md"


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch) -> tuple[Unit, ...]:
    for name in compose_document()["x-ports"]:
        monkeypatch.delenv(name, raising=False)
    return read_units(read_settings(Course(ROOT)))


def test_the_table_names_every_part_with_its_port_variable_and_profile(units: tuple[Unit, ...]) -> None:
    rows = re.findall(
        r"(?m)^\| ([^|]+) \| `(\w+)` \| (\d+) \| `(SANDBOX_\w+_PORT)` \| ([^|]+) \|", PAGE.read_text("utf-8")
    )
    ports = compose_document()["x-ports"]
    expected = {
        (
            unit.title,
            unit.name,
            str(ports[unit.variable]),
            unit.variable,
            f"`--with {next(iter(unit.profiles))}`" if unit.profiles else "`make start`",
        )
        for unit in units
    }
    assert set(rows) == expected


def test_the_table_tells_how_each_part_runs(units: tuple[Unit, ...]) -> None:
    page = PAGE.read_text("utf-8")
    for unit in units:
        cells = next(line for line in page.splitlines() if f"| `{unit.name}` |" in line).strip("| ").split(" | ")
        docker, process = cells[5:7]
        assert docker == ("as a process" if unit.host else "if it can be had" if unit.optional else "yes"), unit.name
        if unit.command is None:
            assert process == "no", unit.name
        elif unit.optional:
            assert process == "if it can be had", unit.name
        else:
            # Locust comes with the course.
            tool = unit.command.tool if unit.command.tool != "locust" else ""
            assert process == (f"with `{tool}`" if tool else "yes"), unit.name
