"""Ports and variables: default, `.env`, environment; and errors that name the variable."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sandbox.course import Course
from sandbox.runtime.settings import StackError, compose_document, interpolate, read_env_file, read_settings
from sandbox.runtime.units import profiles_of, read_units


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A checkout in a folder of its own, with no variable set."""
    for name in compose_document()["x-ports"]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("SANDBOX_STATE", raising=False)
    (tmp_path / "labs").mkdir()
    return Course(tmp_path)


def test_defaults_then_env_file_then_environment(bare: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings(bare).ports["SANDBOX_SERVICE_PORT"] == 8000
    (bare.root / ".env").write_text("SANDBOX_SERVICE_PORT=8123\nSANDBOX_SITE_PORT='8124' \n")
    assert read_settings(bare).ports["SANDBOX_SERVICE_PORT"] == 8123
    monkeypatch.setenv("SANDBOX_SERVICE_PORT", "8200")
    ports = read_settings(bare).ports
    assert (ports["SANDBOX_SERVICE_PORT"], ports["SANDBOX_SITE_PORT"]) == (8200, 8124)


@pytest.mark.parametrize("text", ["x", "0", "65536", "-1", "80 80"])
def test_what_is_no_port_is_named(bare: Course, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SANDBOX_SITE_PORT", text)
    with pytest.raises(StackError, match="SANDBOX_SITE_PORT"):
        read_settings(bare)


def test_one_port_for_two_services_names_both(bare: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_SITE_PORT", "8000")
    with pytest.raises(StackError, match="SANDBOX_SERVICE_PORT and SANDBOX_SITE_PORT"):
        read_settings(bare)


def test_two_checkouts_have_two_projects(bare: Course, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(bare.root / "labs", other / "labs")
    assert read_settings(bare).project != read_settings(Course(other)).project


def test_env_file_reads_as_shells_do(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# no\nexport A=1\nB=\"two words\" \nC=3 # why\nD='#4'\nno line\n")
    assert read_env_file(file) == {"A": "1", "B": "two words", "C": "3", "D": "#4"}


def test_interpolation_is_that_of_compose() -> None:
    value = {"a": ["${X}", "${Y:-why}", "$${X}", 3]}
    assert interpolate(value, {"X": "ex"}) == {"a": ["ex", "why", "${X}", 3]}
    with pytest.raises(StackError, match="Z"):
        interpolate("${Z}", {})


def test_every_unit_binds_to_loopback_only(course: Course) -> None:
    for body in compose_document()["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in body["ports"])
    units = read_units(read_settings(course))
    for unit in units:
        assert unit.url.startswith("http://127.0.0.1:")
        if unit.command:
            assert not any("0.0.0.0" in argument for argument in unit.command.arguments)
    assert profiles_of(units) == {"monitoring", "cloud"}
