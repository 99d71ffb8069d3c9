from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from sandbox.jail import FilesRefused
from sandbox.jail.files import collected, data_file, pack, remove_tree, unpack

MIB = 1 << 20


def laid_out(files: object, folder: Path, most: int = MIB) -> dict[str, bytes]:
    archive = pack(files, most)  # type: ignore[arg-type]
    assert archive is not None
    with archive:
        unpack(archive, folder)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_nothing_to_copy_makes_no_archive() -> None:
    assert pack(None, MIB) is None


def test_layers_lie_over_each_other_in_order(tmp_path: Path) -> None:
    starter = tmp_path / "starter"
    (starter / "src").mkdir(parents=True)
    (starter / "src" / "a.py").write_text("old")
    (starter / "src" / "b.py").write_text("kept")
    extra = tmp_path / "one.txt"
    extra.write_bytes(b"\x00\xff")
    found = laid_out([starter, {"src/a.py": "new", "deep/er/one": extra, "raw": b"r"}], tmp_path / "out")
    assert found == {"src/a.py": b"new", "src/b.py": b"kept", "deep/er/one": b"\x00\xff", "raw": b"r"}


def test_a_folder_as_content_is_copied_whole_and_a_name_with_a_slash_is_a_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "x").write_text("x")
    assert laid_out({"into": source, "empty/": ""}, tmp_path / "out") == {"into/x": b"x"}
    assert (tmp_path / "out" / "empty").is_dir()


def test_modes_say_only_whether_a_file_is_a_program(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "run").write_text("")
    (source / "run").chmod(0o4711)
    (source / "text").write_text("")
    laid_out(source, tmp_path / "out")
    assert (tmp_path / "out" / "run").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "out" / "text").stat().st_mode & 0o7777 == 0o644


def test_links_inside_stay_links_and_links_outward_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "a").write_text("a")
    (source / "deep" / "up").symlink_to("../a")
    (source / "deep" / "out").symlink_to("../../secret")
    (source / "absolute").symlink_to("/etc/passwd")
    os.mkfifo(source / "pipe")
    laid_out(source, tmp_path / "out")
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")) == [
        "a",
        "deep",
        "deep/up",
    ]
    assert (tmp_path / "out" / "deep" / "up").is_symlink()


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "", "a\0b", ".."])
def test_names_that_lead_out_are_refused(name: str) -> None:
    with pytest.raises(FilesRefused, match="leads out"):
        pack({name: "x"}, MIB)


def test_too_much_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(2 * MIB))
    with pytest.raises(FilesRefused, match="larger than the 1 MiB"):
        pack(tmp_path, MIB)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FilesRefused, match="not a folder"):
        pack(tmp_path / "missing", MIB)


def test_strange_names_survive(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    names = ["new\nline", "-rf", "\x1b[31mred", "é", "a" * 200]
    for name in names:
        (source / name).write_text(name)
    assert laid_out(source, tmp_path / "out") == {name: name.encode() for name in names}


def test_data_cannot_be_changed_by_who_holds_it() -> None:
    with data_file(b"fixed") as file:
        if hasattr(os, "memfd_create"):
            with pytest.raises(PermissionError):
                os.write(file.fileno(), b"x")
        assert file.read() == b"fixed"


def archive_of(*members: tuple[str, bytes, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, kind, target in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            entry.size = 1 if kind == tarfile.REGTYPE else 0
            tar.addfile(entry, io.BytesIO(b"x"))
    return stream.getvalue()


def test_only_regular_files_below_the_names_are_collected() -> None:
    data = archive_of(
        ("out/a", tarfile.REGTYPE, ""),
        ("out/twin", tarfile.LNKTYPE, "out/a"),
        ("out/link", tarfile.SYMTYPE, "/etc/passwd"),
        ("out/forged", tarfile.LNKTYPE, "/etc/passwd"),
        ("outer", tarfile.REGTYPE, ""),
        ("out/../../evil", tarfile.REGTYPE, ""),
        ("/out/absolute", tarfile.REGTYPE, ""),
    )
    assert collected(data, ["out"]) == ({"out/a": b"x", "out/twin": b"x"}, False)


def test_a_lying_archive_is_incomplete_and_small() -> None:
    entry = tarfile.TarInfo("out/huge")
    entry.size = 1 << 50
    assert collected(entry.tobuf(), ["out"]) == ({}, True)
    assert collected(b"no archive at all" * 100, ["out"]) == ({}, True)


def test_an_archive_that_was_cut_off_gives_what_came_whole() -> None:
    data = archive_of(("out/a", tarfile.REGTYPE, ""), ("out/b", tarfile.REGTYPE, ""))
    found, _ = collected(data[:1500], ["out"])
    assert set(found) <= {"out/a"}


def test_a_tree_of_any_depth_and_mode_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.fchmod(here, 0)
    os.close(here)
    remove_tree(top)
    assert not top.exists()
