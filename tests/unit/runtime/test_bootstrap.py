"""The set-up before there is an environment: what it reads, what it passes on, what it says where it cannot go on."""

from __future__ import annotations

import ast
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "sandbox" / "bootstrap.py"


@pytest.fixture
def bootstrap() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def program(file: Path, script: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


def test_an_old_python_can_read_it() -> None:
    ast.parse(FILE.read_text("utf-8"), feature_version=(3, 6))


def test_an_old_python_is_told_what_is_needed(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit):
        bootstrap.in_newer_python()
    said = capsys.readouterr().err
    assert "needs Python 3.11 or newer" in said
    assert "make PYTHON=" in said


def test_an_unknown_extra_is_named_with_those_there_are(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "--extras", "cdd"])
    with pytest.raises(SystemExit):
        bootstrap.main()
    assert "no extra cdd. There are: containers, ci, cd" in capsys.readouterr().err


def test_pips_settings_are_passed_on_to_uv(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("UV_DEFAULT_INDEX", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    listed = "\n".join(
        [":env:.cert='/env.pem'", "global.cert='/global.pem'", "global.index-url='https://index.example/simple'"]
    )
    python = program(tmp_path / "python", f'[ "$*" = "-m pip config list" ] && cat <<END\n{listed}\nEND')
    expected = {"UV_DEFAULT_INDEX": "https://index.example/simple", "SSL_CERT_FILE": "/env.pem"}
    assert bootstrap.uv_settings(python) == expected
    monkeypatch.setenv("SSL_CERT_FILE", "/mine.pem")
    assert bootstrap.uv_settings(python) == {"UV_DEFAULT_INDEX": "https://index.example/simple"}


def test_what_is_set_up_is_left_alone_until_its_list_of_packages_changes(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venv = tmp_path / "venv"
    program(venv / "bin" / "python", "exit 1")
    stamp = {"venv": str(venv), "python": sys.version, "sources": bootstrap.digest(), "extras": ["cd", "dev"]}
    (venv / ".ready").write_text(json.dumps(stamp))
    asked: list[set[str]] = []
    monkeypatch.setattr(bootstrap, "install", lambda python, extras, without_uv: asked.append(extras))
    bootstrap.set_up(str(venv), {"dev"}, False)
    assert asked == []
    bootstrap.set_up(str(venv), {"iac"}, False)
    assert asked == [{"cd", "dev", "iac"}], "extras add up"
    monkeypatch.setattr(bootstrap, "digest", lambda: "another list")
    bootstrap.set_up(str(venv), {"dev"}, False)
    assert asked[1:] == [{"cd", "dev", "iac"}]


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_stamp_that_was_cut_counts_as_none(bootstrap: ModuleType, tmp_path: Path, content: str) -> None:
    (tmp_path / ".ready").write_text(content)
    assert bootstrap.read_stamp(str(tmp_path / ".ready")) == {}
