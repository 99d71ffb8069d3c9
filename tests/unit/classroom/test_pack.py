"""One archive to hand in, and archives that do not fit: of another lab, changed, too much, of nothing."""

import json
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.classroom.command import grade_for_gradescope, list_intake
from sandbox.classroom.grade import Settings, take
from sandbox.classroom.intake import Entry
from sandbox.classroom.pack import MANIFEST, pack
from sandbox.classroom.repositories import REMOTE, is_list, read_list
from sandbox.classroom.unpack import BadArchive
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.reports.gradescope import write_autograder
from sandbox.workspace import WorkspaceError, begin, gather

from .conftest import GOOD

HandIn = Callable[[str, dict[str, str]], Path]


@pytest.fixture
def packed(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SANDBOX_WORK", str(tmp_path / "work"))
    begin(lab)
    for name, text in GOOD.items():
        (lab.workspace / name).write_text(text)
    return pack(lab, tmp_path / "mine.zip")


def entry(path: Path) -> Entry:
    return Entry("s1", "s1", path)


def change(archive: Path, **changes: bytes) -> Path:
    with zipfile.ZipFile(archive) as old:
        files = {name: old.read(name) for name in old.namelist()}
    changed = archive.with_name("changed.zip")
    with zipfile.ZipFile(changed, "w") as new:
        for name, content in {**files, **{key.replace("_", "."): value for key, value in changes.items()}}.items():
            new.writestr(name, content)
    return changed


def test_a_pack_is_the_same_for_the_same_work_and_comes_back_whole(lab: Lab, packed: Path, tmp_path: Path) -> None:
    assert pack(lab, tmp_path / "again.zip").read_bytes() == packed.read_bytes()
    manifest = json.loads(zipfile.ZipFile(packed).read(MANIFEST))
    assert (manifest["lab"], sorted(manifest["files"])) == ("01-mini", ["answer.txt", "code.py"])
    found = take(lab, entry(packed), Settings())
    assert found.digest == manifest["submission_digest"] == gather(lab, lab.workspace).digest


def test_packs_that_do_not_fit_are_refused_with_the_reason(lab: Lab, packed: Path, tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match=r"'answer\.txt' is not as it was packed"):
        take(lab, entry(change(packed, answer_txt=b"43")), Settings())
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        table = json.loads(zipfile.ZipFile(packed).read(MANIFEST))
        archive.writestr(MANIFEST, json.dumps({**table, "lab": "02-other"}))
        archive.writestr("answer.txt", "42")
    with pytest.raises(BadArchive, match="packed for lab '02-other', not for 01-mini"):
        take(lab, entry(tmp_path / "other.zip"), Settings())


def test_nothing_to_pack_is_a_clear_error(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_WORK", str(tmp_path / "work"))
    with pytest.raises(UserError, match="does not exist"):
        pack(lab)
    lab.workspace.mkdir(parents=True)
    with pytest.raises(UserError, match="none of the files"):
        pack(lab)


def test_the_wrong_lab_and_too_many_files_are_the_students_to_mend(lab: Lab, hand_in: HandIn, tmp_path: Path) -> None:
    source = hand_in("s1", {"main.tf": "x"})
    with pytest.raises(BadArchive, match="Is it the right lab"):
        take(lab, entry(source / "s1"), Settings())
    with tarfile.open(tmp_path / "many.tar.gz", "w:gz") as archive:
        for number in range(300):
            archive.addfile(tarfile.TarInfo(f"f{number}.txt"))
    with pytest.raises(WorkspaceError, match="more than the 200 files"):
        take(lab, entry(tmp_path / "many.tar.gz"), Settings())
    with zipfile.ZipFile(tmp_path / "ten.zip", "w") as archive:
        for number in range(10_000):
            archive.writestr(f"f{number}.bin", b"")
    with pytest.raises(BadArchive, match="more than 5,000 files"):
        take(lab, entry(tmp_path / "ten.zip"), Settings())


def test_an_archive_in_a_students_folder_is_opened(lab: Lab, packed: Path, tmp_path: Path) -> None:
    """Moodle's download: a folder for each student, and in it what the student handed in."""
    folder = tmp_path / "class" / "Jane Doe_77_assignsubmission_file"
    folder.mkdir(parents=True)
    shutil.copy(packed, folder / "lab.zip")
    (folder / "readme.md").write_text("hello")
    assert sorted(take(lab, entry(folder), Settings()).files) == ["answer.txt", "code.py"]
    shutil.copy(packed, folder / "lab (1).zip")
    with pytest.raises(BadArchive, match=r"2 archives \('lab \(1\)\.zip', 'lab\.zip'\)"):
        take(lab, entry(folder), Settings())
    (folder / "answer.txt").write_text("42")
    assert list(take(lab, entry(folder), Settings()).files) == ["answer.txt"], "files of the lab go before archives"


def test_names_in_an_old_encoding_do_no_harm(lab: Lab, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "old.tar", "w", encoding="latin-1") as archive:
        for name in ("Übung/answer.txt", "Übung/été.txt"):
            archive.addfile(tarfile.TarInfo(name))
    assert len(take(lab, entry(tmp_path / "old.tar"), Settings()).files) == 2


def test_the_list_tells_what_would_be_taken(lab: Lab, hand_in: HandIn, tmp_path: Path) -> None:
    source = hand_in("ann", GOOD)
    (source / "bob.txt").write_text("42")
    (tmp_path / "roster.csv").write_text("id,name\nann,Ann\n")
    ann, bob = list_intake(lab, source, tmp_path / "roster.csv")
    assert (ann["in_roster"], ann["problem"]) == (True, "")
    assert bob["in_roster"] is False and "no archive" in bob["problem"]


def test_lists_of_repositories(tmp_path: Path) -> None:
    path = tmp_path / "repos.csv"
    path.write_text("Student,Repository,Name\nann,https://host/ann.git,Ann\nann,clones/ann,Ann\nbob,,Bob\n")
    assert is_list(path) and not is_list(tmp_path)
    first, second, bob = read_list(path)
    assert (first.repository, first.attempt, second.attempt) == ("https://host/ann.git", 0, 1)
    assert second.path == tmp_path / "clones" / "ann"
    assert bob.problem == "the list names no repository"
    path.write_text("student,url\nann,git@host:ann.git\nbob,file:///tmp/x\ncem,C/work\n")
    assert [bool(REMOTE.match(found.repository)) for found in read_list(path)] == [True, False, False]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="lists no repositories"):
        read_list(path)


@pytest.mark.needs("jail:bubblewrap")
def test_gradescope_gets_a_result_whatever_happens(lab: Lab, hand_in: HandIn, tmp_path: Path) -> None:
    results = tmp_path / "results" / "results.json"
    grade_for_gradescope(lab, hand_in("ann", GOOD) / "ann", results)
    assert sum(test["score"] for test in json.loads(results.read_text())["tests"]) == 5
    grade_for_gradescope(lab, hand_in("big", {f"f{n}.txt": "" for n in range(300)}) / "big", results)
    table = json.loads(results.read_text())
    assert table["score"] == 0 and "more than the 200 files" in table["output"]


def test_an_autograder_holds_the_lab_and_no_other(lab: Lab, tmp_path: Path) -> None:
    write_autograder(lab, tmp_path / "ag")
    with tarfile.open(tmp_path / "ag" / "course.tar.gz") as course:
        names = course.getnames()
    assert "labs/01-mini/checks.py" in names
    assert (tmp_path / "ag" / "run_autograder").stat().st_mode & 0o111
    assert "01-mini" in (tmp_path / "ag" / "run_autograder").read_text()
    assert {"setup.sh", "run_autograder", "course.tar.gz"} <= set(zipfile.ZipFile(tmp_path / "ag.zip").namelist())
