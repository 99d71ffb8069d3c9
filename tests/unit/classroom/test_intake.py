"""Names as Canvas, Moodle and Gradescope give them, and archives that mean harm."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
import unicodedata
import zipfile
from collections.abc import Callable
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


def test_an_export_that_is_not_gradescopes_is_a_clear_error(tmp_path: Path) -> None:
    for text in ("- a\n", "submission_1: []\n", "a: [", ""):
        (tmp_path / "submission_metadata.yml").write_text(text)
        with pytest.raises(UserError, match="Gradescope again|cannot be read"):
            read_submissions(tmp_path)


def test_loose_files_go_with_the_archive_of_the_same_student(tmp_path: Path) -> None:
    make_zip(tmp_path / "doe_1_20_lab02.zip", {"a": b""})
    for name in ("doe_1_21_notes.txt", "roe_2_22_test_a.py", "roe_2_23_test_b.py"):
        (tmp_path / name).write_text("x")
    (tmp_path / "Poe Al_3_assignsubmission_onlinetext").mkdir()
    (tmp_path / "Poe Al_3_assignsubmission_file").mkdir()
    (tmp_path / "Ray Al_4_assignsubmission_onlinetext_").mkdir()
    found = {entry.student: entry for entry in read_submissions(tmp_path)}
    assert len(found) == len(read_submissions(tmp_path)) == 4, "one attempt each"
    assert (found["1"].problem, found["1"].beside) == ("", ("doe_1_21_notes.txt",))
    assert "'roe_2_22_test_a.py' is no archive" in found["2"].problem
    assert found["2"].beside == ("roe_2_23_test_b.py",)
    assert (found["3"].problem, "typed into Moodle" in found["4"].problem) == ("", True)


def test_accents_that_macos_takes_apart_are_put_together(tmp_path: Path) -> None:
    (tmp_path / unicodedata.normalize("NFD", "José Díaz_7_assignsubmission_file")).mkdir()
    assert read_submissions(tmp_path)[0].name == unicodedata.normalize("NFC", "José Díaz")


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


def test_what_macos_adds_is_left_out_and_executables_stay_so(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, mode in (
            ("run.sh", 0o755),
            ("plain.txt", 0o644),
            ("__MACOSX/lab/._run.sh", 0o644),
            ("._plain.txt", 0o644),
        ):
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, b"x")
    unpack(tmp_path / "a.zip", target)
    seen = {path.name: bool(path.stat().st_mode & 0o100) for path in target.rglob("*")}
    assert seen == {"run.sh": True, "plain.txt": False}


@pytest.mark.parametrize("wrap", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_tars_are_opened_however_they_are_compressed(tmp_path: Path, wrap: Callable[[bytes], bytes]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("lab/a.txt")
        member.size = 2
        archive.addfile(member, io.BytesIO(b"42"))
    (tmp_path / "a.tar.gz").write_bytes(wrap(buffer.getvalue()))
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "a.tar.gz", tmp_path / "out")
    assert (tmp_path / "out" / "lab" / "a.txt").read_text() == "42"


def test_lists_of_names_that_are_bombs_cost_no_memory(tmp_path: Path) -> None:
    """A zip's list of names, and a tar's headers, are read whole by Python's own modules."""
    with zipfile.ZipFile(tmp_path / "names.zip", "w") as archive:
        for number in range(40_000):
            archive.writestr(f"{number:060}", b"")
    with gzip.open(tmp_path / "header.tar.gz", "wb", compresslevel=1) as file:
        member = tarfile.TarInfo("x")
        member.type, member.size = tarfile.XHDTYPE, 1_500_000_000
        file.write(member.tobuf())
        for _ in range(300):
            file.write(bytes(1_000_000))
    (tmp_path / "out").mkdir()
    tracemalloc.start()
    with pytest.raises(BadArchive, match="more than 5,000 files"):
        unpack(tmp_path / "names.zip", tmp_path / "out")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    with pytest.raises(BadArchive, match="more than 200,000,000 bytes"):
        unpack(tmp_path / "header.tar.gz", tmp_path / "out")
    assert tracemalloc.get_traced_memory()[1] < 500_000_000
    tracemalloc.stop()


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
