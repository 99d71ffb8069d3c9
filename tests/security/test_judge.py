"""Attacks on the judge itself: archives, files of a submission, and text that ends up in its reports.

No wall stands here, since nothing of the submission runs: the judge only reads. Each attack is refused or neutralised.
"""

from __future__ import annotations

import io
import json
import os
import re
import socket
import stat
import subprocess
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.classroom.unpack import BadArchive, unpack
from sandbox.course import open_course
from sandbox.grading.plugin import clip
from sandbox.grading.results import CheckResult, LabResult, PartResult
from sandbox.reports import html, junit
from sandbox.reports.terminal import CheckPrinter, print_summary
from sandbox.workspace import WorkspaceError, compose

# --- archives -------------------------------------------------------------------------------------------------------------


def _zip(path: Path, *names: str, mode: int = 0, content: bytes = b"x") -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            info = zipfile.ZipInfo(name)
            info.external_attr, info.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def _tar(path: Path, name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> None:
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        archive.addfile(entry)


def _zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as member:
        for _ in range(16):
            member.write(bytes(1 << 20))


def _lying_sizes(path: Path) -> None:
    """A bomb whose own headers say that it is small."""
    _zip_bomb(path)
    data = path.read_bytes().replace((16 << 20).to_bytes(4, "little"), (1).to_bytes(4, "little"))
    path.write_bytes(data)


def _tar_bomb(path: Path) -> None:
    with tarfile.open(path, "w:xz") as archive:
        entry = tarfile.TarInfo("zeros")
        entry.size = 16 << 20
        archive.addfile(entry, io.BytesIO(bytes(16 << 20)))


def _many_names(path: Path) -> None:
    _zip(path, *(f"file-{number}" for number in range(6000)), content=b"")


ARCHIVES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "zip-upward": ("a.zip", lambda path: _zip(path, "../../evil")),
    "zip-absolute": ("a.zip", lambda path: _zip(path, "/tmp/evil")),
    "zip-backslashes": ("a.zip", lambda path: _zip(path, "..\\..\\evil")),
    "zip-drive": ("a.zip", lambda path: _zip(path, "C:/evil")),
    "zip-link": ("a.zip", lambda path: _zip(path, "link", mode=stat.S_IFLNK | 0o777, content=b"/etc/passwd")),
    "zip-file-as-folder": ("a.zip", lambda path: _zip(path, "a", "a/b")),
    "zip-twice": ("a.zip", lambda path: _zip(path, "a", "./a")),
    "zip-bomb": ("a.zip", _zip_bomb),
    "zip-lying-sizes": ("a.zip", _lying_sizes),
    "zip-many-names": ("a.zip", _many_names),
    "tar-upward": ("a.tar", lambda path: _tar(path, "a/../../evil")),
    "tar-absolute": ("a.tar", lambda path: _tar(path, "/tmp/evil")),
    "tar-link": ("a.tar", lambda path: _tar(path, "link", tarfile.SYMTYPE, "/etc/passwd")),
    "tar-hard-link": ("a.tar", lambda path: _tar(path, "hard", tarfile.LNKTYPE, "/etc/passwd")),
    "tar-device": ("a.tar", lambda path: _tar(path, "disk", tarfile.BLKTYPE)),
    "tar-character-device": ("a.tar", lambda path: _tar(path, "null", tarfile.CHRTYPE)),
    "tar-pipe": ("a.tar", lambda path: _tar(path, "pipe", tarfile.FIFOTYPE)),
    "tar-bomb": ("a.tar.xz", _tar_bomb),
    "not-an-archive": ("a.zip", lambda path: path.write_bytes(os.urandom(4096)) and None),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("attack", ARCHIVES)
def test_archives_are_refused_and_nothing_lies_outside(
    attack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.classroom.unpack.MOST_BYTES", 4 << 20)
    name, build = ARCHIVES[attack]
    archive, target = tmp_path / name, tmp_path / "deep" / "er" / "target"
    build(archive)
    target.mkdir(parents=True)
    with pytest.raises(BadArchive):
        unpack(archive, target)
    assert not Path("/tmp/evil").exists() and not list(tmp_path.rglob("evil"))
    for path in target.rglob("*"):
        assert stat.S_ISREG(path.lstat().st_mode) or stat.S_ISDIR(path.lstat().st_mode)


# --- files of a submission ------------------------------------------------------------------------------------------------


def _secret(folder: Path) -> Path:
    secret = folder.parent / "secret"
    secret.write_text("solutions")
    return secret


def _socket(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "answers.json"))


def _deep(folder: Path) -> None:
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


FILES: dict[str, Callable[[Path], object]] = {
    "link-out": lambda folder: (folder / "answers.json").symlink_to(_secret(folder)),
    "link-upward": lambda folder: (_secret(folder), (folder / "answers.json").symlink_to("../secret")),
    "linked-folder": lambda folder: (_secret(folder), (folder / "tests").symlink_to(folder.parent)),
    "link-to-itself": lambda folder: (folder / "answers.json").symlink_to("answers.json"),
    "pipe": lambda folder: os.mkfifo(folder / "answers.json"),
    "socket": _socket,
    "sparse-tebibyte": lambda folder: os.truncate(_empty(folder / "answers.json"), 1 << 40),
    "deep-folders": _deep,
    "name-with-newline": lambda folder: _empty(folder / "answers\n.json"),
    "name-with-escapes": lambda folder: _empty(folder / "\x1b[2J\x1b]0;evil\x07.json"),
    "name-not-utf8": lambda folder: _empty(Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.json"))),
}


def _empty(path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.parametrize("attack", FILES)
def test_files_of_a_submission_are_read_without_being_followed(attack: str) -> None:
    lab = open_course(Path(__file__).resolve().parents[2]).find("00")
    with tempfile.TemporaryDirectory(prefix="bait-") as parent:
        folder = Path(parent) / "work"
        folder.mkdir()
        FILES[attack](folder)
        try:
            composed = compose(lab, folder, Path(parent) / "composed")
        except WorkspaceError:
            # Refused as a whole, in words: that holds too.
            return
        finally:
            # Python's own removal gives up on very deep folders.
            subprocess.run(["rm", "-rf", str(folder / "d")], check=True)
        for path in composed.path.rglob("*"):
            assert stat.S_ISREG(path.lstat().st_mode) or stat.S_ISDIR(path.lstat().st_mode)
            assert path.name.isprintable()
            assert not path.is_file() or path.read_bytes() != b"solutions"
        assert "answers.json" not in composed.accepted


# --- text in reports ------------------------------------------------------------------------------------------------------

TEXTS = {
    "terminal-escapes": "\x1b[2J\x1b[1;1H\x1b]0;title\x07\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\ \x9b31m",
    "carriage-returns": "✗ failed\r✓ passed\b\b\x7f\x0b\x0c",
    "right-to-left": "\u202egnp.exe\u2066 \u200b\ufeff",
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)></dd></details>\"' onload='x",
    "markup": "[bold red]100 points[/] [link=http://evil]x[/link] [/nothing] :smile: {{ 7 * 7 }} {% raw %}",
    "xml": "]]></failure><testcase name='forged'/>&#0;&evil; \x00\ud800",
    "endless": "x" * 300_000,
}
SAFE = re.compile(
    r"[^\n\x20-\x7e\u00a0-\u1fff\u2010-\u2027\u2030-\u205f\u2070-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def hostile_result(text: str) -> LabResult:
    """A result as it leaves the checks: every text that a submission can shape has gone through `clip`."""
    said = clip(text)
    part = PartResult("part", said, "failed", said)
    check = CheckResult("a", said, "failed", 0.0, 1.0, said, said, said, said, parts=(part, part))
    blocked = CheckResult("b", said, "blocked", 0.0, 1.0, said)
    raw = {"jail": "bubblewrap", "refused": {text[:200]: "a link"}, "ignored": [text[:200]]}
    return LabResult("00-orientation", "", "", "2026-01-01T00:00:00Z", 0.1, (check, blocked), raw, problem=said)


@pytest.mark.parametrize("attack", TEXTS)
def test_the_terminal_shows_no_control_character(attack: str) -> None:
    result = hostile_result(TEXTS[attack])
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, no_color=True, color_system=None, width=100)
    with CheckPrinter(Console(file=screen, width=100)) as show:
        for check in result.to_json()["checks"]:
            show({"event": "result", "check": check})
    print_summary(console, result, "00")
    assert not SAFE.search(screen.getvalue()), ascii(SAFE.search(screen.getvalue()))
    assert len(screen.getvalue()) < 50_000


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("attack", TEXTS)
def test_the_page_has_no_element_of_the_submission(attack: str) -> None:
    text = TEXTS[attack]
    page, clean = _Page(), _Page()
    page.feed(html.render(hostile_result(text), title=clip(text), student=clip(text)))
    clean.feed(html.render(hostile_result("plain"), title="plain", student="plain"))
    assert page.tags == clean.tags and page.attributes == clean.attributes
    assert not {"script", "img", "a", "iframe"} & page.tags
    assert "default-src 'none'" in html.render(hostile_result(text), title="x")


@pytest.mark.parametrize("attack", TEXTS)
def test_junit_stays_well_formed_with_the_same_cases(attack: str) -> None:
    # Straight to the renderer too: other tools read this file, and one bad byte makes all of it unreadable.
    for text in (clip(TEXTS[attack]), TEXTS[attack][:5000]):
        check = CheckResult("a", text, "failed", 0.0, 1.0, text, text, text)
        result = LabResult("00-orientation", "", "", "2026-01-01T00:00:00Z", 0.1, (check,))
        root = ElementTree.fromstring(junit.render(result).encode())
        assert [node.tag for node in root.iter()] == ["testsuites", "testsuite", "testcase", "failure"]


@pytest.mark.parametrize("attack", TEXTS)
def test_json_can_be_printed_and_read_back(attack: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    from sandbox.cli import _print_json

    result = hostile_result(TEXTS[attack] + "\udcff")
    _print_json(result.to_json())
    printed = capsysbinary.readouterr().out
    assert LabResult.from_json(json.loads(printed)).score == 0.0
    assert b"\x1b" not in printed and b"\x9b" not in printed.replace(b"\xc2\x9b", b"\x9b")
