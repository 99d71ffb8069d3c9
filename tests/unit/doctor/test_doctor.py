"""The doctor's report: every tool told, traps seen, a taken port laid at somebody's door."""

from __future__ import annotations

import io
import json
import os
import socket
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import doctor, tools
from sandbox.course import Course

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    monkeypatch.setenv("SANDBOX_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SANDBOX_TOOL_DOCKER", "none")
    return Course(ROOT)


def test_every_tool_has_a_row_and_json_holds_all(course: Course) -> None:
    report = doctor.examine(course)
    assert {row.name for row in report.rows if row.group == "tools"} == set(tools.TOOLS)
    row = report.row("docker")
    assert (row.verdict, row.how) == ("missing", "Unset SANDBOX_TOOL_DOCKER.")
    assert json.loads(json.dumps(report.to_json()))["rows"][0]["name"] == "Python"
    out = io.StringIO()
    doctor.render(report, Console(file=out, width=160))
    assert "Unset SANDBOX_TOOL_DOCKER." in out.getvalue()


def test_a_taken_port_names_variable_and_process(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("SANDBOX_SITE_PORT", str(port))
        row = doctor.examine(course).row(f"port {port}")
    assert (row.verdict, f"process {os.getpid()}" in row.where) == ("warning", True)
    assert "SANDBOX_SITE_PORT" in row.how


def test_windows_line_ends_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX_STATE", raising=False)
    (tmp_path / "labs").mkdir()
    (tmp_path / "Makefile").write_bytes(b"all:\r\n\ttrue\r\n")
    assert any("Makefile: Windows line ends" in trap for trap in doctor.examine(Course(tmp_path)).traps)
