"""Workspaces, and what a submission may bring."""

import os
import subprocess
from pathlib import Path

import pytest

from sandbox.course import Lab, open_course
from sandbox.workspace import WorkspaceError, accepts, begin, compose, reset

TOML = """id = "01-lab"
title = "Title"
summary = "What is built here."
audience = "Anyone who can read."
level = "beginner"
minutes = 10
accepts = ["tests/**/*.py", "notes.md", "infra/**"]
[limits]
files = 5
bytes = 2000
[[abilities]]
text = "do one thing"
checks = ["thing"]
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.delenv("SANDBOX_WORK", raising=False)
    folder = tmp_path / "labs" / "01-lab"
    (folder / "starter" / "tests").mkdir(parents=True)
    (folder / "starter" / "app.py").write_text("given")
    (folder / "starter" / "tests" / "test_example.py").write_text("example")
    (folder / "checks.py").write_text("")
    (folder / "hints.md").write_text("")
    (folder / "lab.toml").write_text(TOML)
    return open_course(tmp_path).find("01")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tests/test_a.py", True), ("tests/deep/er/test_a.py", True), ("tests/data.csv", False), ("notes.md", True),
        ("deep/notes.md", False), ("infra/main.tf", True), ("infra/a/b.tf", True), ("infra", False), ("app.py", False),
    ],
)  # fmt: skip
def test_globs(lab: Lab, name: str, expected: bool) -> None:
    assert accepts(lab, name) is expected


def test_begin_makes_a_repository_with_one_commit(lab: Lab) -> None:
    folder = begin(lab)
    log = subprocess.run(["git", "log", "--oneline"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert len(log.splitlines()) == 1
    assert (folder / "app.py").read_text() == "given"


def test_begin_never_overwrites(lab: Lab) -> None:
    (begin(lab) / "app.py").write_text("mine")
    with pytest.raises(WorkspaceError, match="there already"):
        begin(lab)
    assert (lab.workspace / "app.py").read_text() == "mine"


def test_reset_keeps_a_backup(lab: Lab) -> None:
    (begin(lab) / "app.py").write_text("mine")
    kept = reset(lab)
    assert kept is not None
    assert (kept / "app.py").read_text() == "mine"
    assert (lab.workspace / "app.py").read_text() == "given"


def test_only_accepted_files_are_taken(lab: Lab, tmp_path: Path) -> None:
    source = begin(lab)
    (source / "app.py").write_text("changed by the learner")
    (source / "notes.md").write_text("mine")
    submission = compose(lab, source, tmp_path / "out")
    assert submission.read("app.py") == "given"
    assert submission.read("notes.md") == "mine"
    assert submission.ignored == ("app.py",)


def test_a_deleted_starter_file_stays_deleted(lab: Lab, tmp_path: Path) -> None:
    source = begin(lab)
    (source / "tests" / "test_example.py").unlink()
    assert not (compose(lab, source, tmp_path / "out").path / "tests" / "test_example.py").exists()


def test_links_and_devices_are_refused_and_never_followed(lab: Lab, tmp_path: Path) -> None:
    source = begin(lab)
    secret = tmp_path / "secret.py"
    secret.write_text("secret")
    (source / "tests" / "test_link.py").symlink_to(secret)
    (source / "infra").symlink_to(tmp_path)
    os.mkfifo(source / "tests" / "test_pipe.py")
    (source / "tests" / "test_\x1b[31m.py").write_text("")
    submission = compose(lab, source, tmp_path / "out")
    assert submission.refused == {
        "tests/test_link.py": "a link",
        "tests/test_pipe.py": "not a regular file",
        "tests/test_\x1b[31m.py": "a name with control characters",
    }
    assert submission.accepted == ("tests/test_example.py",)
    assert not any("secret" in p.read_text() for p in submission.path.rglob("*") if p.is_file())


def test_too_many_files_and_too_many_bytes_are_refused(lab: Lab, tmp_path: Path) -> None:
    source = begin(lab)
    (source / "notes.md").write_text("x" * 2001)
    with pytest.raises(WorkspaceError, match=r"2,000 bytes .* \(at notes.md\)"):
        compose(lab, source, tmp_path / "one")
    (source / "notes.md").unlink()
    for number in range(6):
        (source / "tests" / f"test_{number}.py").write_text("")
    with pytest.raises(WorkspaceError, match="more than the 5 files"):
        compose(lab, source, tmp_path / "two")


def test_the_digest_is_of_names_and_contents(lab: Lab, tmp_path: Path) -> None:
    source = begin(lab)
    first = compose(lab, source, tmp_path / "one").digest
    (source / "app.py").write_text("not accepted, so it does not count")
    assert compose(lab, source, tmp_path / "two").digest == first
    (source / "notes.md").write_text("counts")
    assert compose(lab, source, tmp_path / "three").digest != first
