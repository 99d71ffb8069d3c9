"""Who submitted what: read a folder as Canvas, Moodle, Gradescope or an instructor's own script leaves it.

Nothing is dropped: what cannot be taken becomes an entry with a problem, and the class goes on.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from sandbox.classroom.unpack import is_archive
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.workspace import accepts

# doejane_LATE_12345_678910_lab02-1.zip: name, marker, user id, submission id, the student's own file name
CANVAS = re.compile(r"^(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<submission>\d+)_(?P<file>.+)$")
# Jane Doe_12345_assignsubmission_file_lab02.zip, or a folder of that name without the file
MOODLE = re.compile(r"^(?P<name>.+)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)$")
RESUBMISSION = re.compile(r"-(\d+)$")
LITTER = ("desktop.ini", "Thumbs.db")
GRADESCOPE_METADATA = "submission_metadata.yml"


@dataclass(frozen=True)
class Entry:
    """One submission of one student.

    Attributes:
        student: the id that joins it with the roster, as the source has it.
        name: the student's name, as far as the source tells.
        path: a folder or an archive.
        late: the source marks it late.
        attempt: 0 for the first; a resubmission counts up.
        submitted_at: ISO time, where the source tells.
        problem: why it cannot be graded, written for the student; empty where it can.
        repository: address of a git repository to take it from; empty for a folder or an archive.
        loose: it is one file of several that somebody may have handed in, and no archive.
        beside: names of loose files that were handed in with it and are not looked at.
    """

    student: str
    name: str
    path: Path
    late: bool = False
    attempt: int = 0
    submitted_at: str = ""
    problem: str = ""
    repository: str = ""
    loose: bool = False
    beside: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A file name that is unique for this submission, whatever the student is called."""
        return f"{safe_name(self.student)}-{self.attempt}"


def safe_name(text: str) -> str:
    """Letters, digits, dashes and dots of a text; what else there was is told apart by a checksum."""
    plain = re.sub(
        r"[^A-Za-z0-9.-]+", "-", unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    ).strip("-.")[:60]
    if plain == text:
        return plain
    return f"{plain or 'x'}_{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08x}"


def read_submissions(source: Path) -> list[Entry]:
    """Every submission in ``source``.

    Args:
        source: a folder: per-student folders or archives, or what an LMS exported.

    Raises:
        UserError: there is nothing to read.
    """
    if not source.is_dir():
        raise UserError(
            f"{source} is no folder of submissions.",
            "Unpack the download of your LMS and name that folder.",
        )
    metadata = source / GRADESCOPE_METADATA
    entries = list(_from_gradescope(source, metadata) if metadata.is_file() else _from_folder(source))
    if not entries:
        raise UserError(f"{source} holds no submissions.", "It needs a folder or an archive for each student.")
    return _numbered(_gathered(entries))


def find_root(lab: Lab, folder: Path) -> Path:
    """The folder in which the lab's files lie: ``folder``, or a folder below it, as tools like to add one around all."""
    for _ in range(3):
        children = [
            child
            for child in folder.iterdir()
            if child.name not in ("__MACOSX", ".DS_Store") and not child.is_symlink()
        ]
        fits = any(accepts(lab, path.relative_to(folder).as_posix()) for path in folder.rglob("*") if path.is_file())
        if fits or len(children) != 1 or not children[0].is_dir():
            break
        folder = children[0]
    return folder


def _from_folder(source: Path) -> Iterator[Entry]:
    for path in sorted(source.iterdir(), key=lambda p: p.name):
        if path.name.startswith((".", "__MACOSX")) or path.name in LITTER or (path.is_file() and path.suffix == ".csv"):
            continue
        yield _entry(path)


def _entry(path: Path) -> Entry:
    # macOS unpacks "é" as two characters: the roster has it as one.
    name = unicodedata.normalize("NFC", path.name)
    if path.is_symlink():
        return Entry(name, name, path, problem="this is a link, not a submission")
    stem = _stem(name) if path.is_file() else name
    if match := CANVAS.match(stem):
        again = RESUBMISSION.search(match["file"])
        entry = Entry(match["id"], match["name"], path, bool(match["late"]), int(again[1]) if again else 0)
    elif match := MOODLE.match(stem):
        entry = Entry(match["id"], match["name"], path)
        if match["kind"] == "onlinetext":
            return replace(entry, loose=True, problem="this is a text typed into Moodle, and no file")
    else:
        again = RESUBMISSION.search(stem) if path.is_file() else None
        student = stem[: again.start()] if again else stem
        entry = Entry(student, student, path, attempt=int(again[1]) if again else 0)
    if path.is_file() and not is_archive(path):
        problem = f"{name!a} is no archive; zip, tar, tar.gz, tar.xz and tar.bz2 are taken"
        return replace(entry, loose=True, problem=problem)
    return entry


def _gathered(entries: list[Entry]) -> list[Entry]:
    """Put loose files to the archive or folder that their student handed in with them; where there is none, to one another."""
    whole = {entry.student for entry in entries if not entry.loose}
    loose: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.loose:
            loose.setdefault(entry.student, []).append(entry)
    last = {entry.student: at for at, entry in enumerate(entries) if not entry.loose}
    result = []
    for at, entry in enumerate(entries):
        files = loose.get(entry.student, [])
        if not entry.loose:
            beside = tuple(file.path.name for file in files) if last[entry.student] == at else ()
            result.append(replace(entry, beside=beside))
        elif entry.student not in whole and entry is files[0]:
            result.append(replace(entry, beside=tuple(file.path.name for file in files[1:])))
    return result


def _stem(name: str) -> str:
    return re.sub(r"(\.tar)?\.\w+$", "", name)


def _from_gradescope(source: Path, metadata: Path) -> Iterator[Entry]:
    """Gradescope's export: folders ``submission_123`` and a YAML file that says whose they are."""
    try:
        table = yaml.safe_load(metadata.read_text("utf-8"))
    except yaml.YAMLError as error:
        raise UserError(
            f"{metadata} cannot be read: {error}", "Export the submissions from Gradescope again."
        ) from None
    if not isinstance(table, dict) or not all(isinstance(facts, dict) for facts in table.values()):
        raise UserError(f"{metadata} is not as Gradescope writes it.", "Export the submissions from Gradescope again.")
    for folder, facts in sorted(table.items(), key=lambda row: str(row[0])):
        folder = Path(str(folder)).name
        plain = {str(key).lstrip(":"): value for key, value in facts.items()}
        people = [
            {str(key).lstrip(":"): value for key, value in person.items()} for person in plain.get("submitters") or []
        ]
        path = source / folder
        problem = "" if path.is_dir() else "the export names this submission but does not hold it"
        if not people:
            yield Entry(folder, folder, path, problem=problem or "the export does not say whose it is")
        for person in people:
            student = str(person.get("sid") or person.get("email") or person.get("name"))
            yield Entry(
                student,
                str(person.get("name", student)),
                path,
                submitted_at=str(plain.get("created_at", "")),
                problem=problem,
            )


def _numbered(entries: list[Entry]) -> list[Entry]:
    """Give entries of one student that claim the same attempt different numbers."""
    taken: set[tuple[str, int]] = set()
    result = []
    for entry in entries:
        while (entry.student, entry.attempt) in taken:
            entry = replace(entry, attempt=entry.attempt + 1)
        taken.add((entry.student, entry.attempt))
        result.append(entry)
    return result
