"""How tools are found: override, Python's own commands, PATH; and what is said where they are not."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sandbox import tools


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def test_an_override_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = program(tmp_path, "my-git", "echo git version 9.8.7")
    monkeypatch.setenv("SANDBOX_TOOL_GIT", str(own))
    found = tools.require("git")
    assert (found.version, found.path, found.argv) == ("9.8.7", own, (str(own),))


def test_a_wrong_override_is_named_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_TOOL_GIT", "/nowhere/git")
    with pytest.raises(tools.ToolMissing, match=r"SANDBOX_TOOL_GIT is /nowhere/git"):
        tools.require("git")


def test_a_tool_can_be_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_TOOL_GIT", "none")
    assert tools.find("git") is None
    assert tools.program("git") is None


def test_path_is_searched_and_missing_tools_say_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sighting = tools.look("kind")
    assert (sighting.tool, sighting.fix) == (None, tools.TOOLS["kind"].how())
    program(tmp_path, "kind", "echo kind v0.27.0 go1.24")
    assert tools.require("kind").version == "0.27.0"


def test_the_second_name_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    program(tmp_path, "docker", "exit 1")
    program(tmp_path, "docker-compose", "echo 1.29.2")
    assert tools.require("compose").argv == (str(tmp_path / "docker-compose"),)


def test_a_client_without_an_engine_is_no_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_TOOL_DOCKER", str(program(tmp_path, "docker", "echo 28.0.0; exit 1")))
    sighting = tools.look("docker")
    assert sighting.tool is None
    assert "no Docker engine answers" in sighting.problem
    assert "Start the engine" in sighting.fix


def test_a_program_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "VERSION_TIMEOUT_S", 0.2)
    monkeypatch.setenv("SANDBOX_TOOL_GIT", str(program(tmp_path, "git", "exec sleep 30")))
    assert "gives no answer" in tools.look("git").problem


@pytest.mark.parametrize("system", ["debian", "macos", "other"])
@pytest.mark.parametrize("name", sorted(tools.TOOLS))
def test_every_tool_can_be_got_everywhere(name: str, system: str) -> None:
    assert len(tools.TOOLS[name].how(system)) > 20
