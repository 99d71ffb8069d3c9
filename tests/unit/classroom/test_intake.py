"""Names as Canvas, Moodle and Gradescope give them, and archives that mean harm."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from sandbox.classroom.intake import read_submissions, safe_name
from sandbox.classroom.unpack import BadArchive, unpack
from sandbox.errors import UserError


def make_zip(path: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return path


def test_canvas_names_tell_id_lateness_and_attempt(tmp_path: Path) -> None:
    for name in ("doejane_LATE_123_456_lab02.zip", "roejohn_124_457_lab02-2.zip", "poe_125_458_notes.txt"):
        make_zip(tmp_path / name, {"a": b""})
    jane, poe, john = sorted(read_submissions(tmp_path), key=lambda entry: entry.name)
    assert (jane.student, jane.late, jane.attempt, jane.problem) == ("123", True, 0, "")
    assert (john.student, john.late, john.attempt) == ("124", False, 2)
    assert "no archive" in poe.problem


def test_moodle_folders_and_plain_folders(tmp_path: Path) -> None:
    (tmp_path / "Jane Doe_77_assignsubmission_file_").mkdir()
    (tmp_path / "s1234").mkdir()
    assert [(e.student, e.name) for e in read_submissions(tmp_path)] == [("77", "Jane Doe"), ("s1234", "s1234")]


def test_gradescope_metadata_names_every_submitter(tmp_path: Path) -> None:
    (tmp_path / "submission_9").mkdir()
    (tmp_path / "submission_metadata.yml").write_text(
        "submission_9:\n  :submitters:\n  - :name: Jane Doe\n    :sid: '42'\n  - :name: John Roe\n    :sid: '43'\n"
        "submission_10:\n  :submitters:\n  - :name: Gone\n    :sid: '44'\n"
    )
    found = {entry.student: entry.problem for entry in read_submissions(tmp_path)}
    assert found == {"42": "", "43": "", "44": "the export names this submission but does not hold it"}


def test_two_entries_of_one_student_get_different_keys(tmp_path: Path) -> None:
    make_zip(tmp_path / "doe_1_2_a.zip", {"a": b""})
    make_zip(tmp_path / "doe_1_3_b.zip", {"a": b""})
    keys = [entry.key for entry in read_submissions(tmp_path)]
    assert len(set(keys)) == 2


def test_links_are_told_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "s1").symlink_to("/")
    assert "link" in read_submissions(tmp_path)[0].problem


def test_an_empty_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no submissions"):
        read_submissions(tmp_path)


def test_safe_names_stay_apart() -> None:
    assert safe_name("s1234") == "s1234"
    assert len({safe_name("Jané/1"), safe_name("Jan_1"), safe_name("Jan 1"), safe_name("../1")}) == 4
    assert "/" not in safe_name("../../etc/passwd")


def test_a_good_archive_is_unpacked(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    unpack(make_zip(tmp_path / "a.zip", {"lab/tests/test_a.py": b"x", "lab/.git/config": b"hooks"}), target)
    assert [path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()] == [
        "lab/tests/test_a.py"
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"../out.py": b""}, "leads outside"),
        ({"/etc/x": b""}, "leads outside"),
        ({"C:\\x": b""}, "leads outside"),
        ({"a": b"", "a/b": b""}, "file and as a folder"),
        ({}, "empty"),
        ({"bomb": b"\0" * 201_000_000}, "more than 200,000,000 bytes"),
    ],
)
def test_bad_archives_are_refused(tmp_path: Path, names: dict[str, bytes], message: str) -> None:
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(BadArchive, match=message):
        unpack(make_zip(tmp_path / "a.zip", names), target)
    assert not (tmp_path / "out.py").exists()


def test_a_cut_archive_and_no_archive_are_refused(tmp_path: Path) -> None:
    whole = make_zip(tmp_path / "a.zip", {"a": b"x" * 10_000}).read_bytes()
    target = tmp_path / "out"
    target.mkdir()
    for content in (whole[:-30], b"not an archive at all", b""):
        (tmp_path / "cut.zip").write_bytes(content)
        with pytest.raises(BadArchive, match="damaged or cut|cannot be unpacked|empty"):
            unpack(tmp_path / "cut.zip", target)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("x")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member, io.BytesIO())
    target = tmp_path / "out"
    target.mkdir()
    with pytest.raises(BadArchive, match="no regular file"):
        unpack(tmp_path / "a.tar.gz", target)
