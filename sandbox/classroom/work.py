"""One submission's grading as a piece of work that can run here or on another machine."""

from __future__ import annotations

import hashlib
import platform
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.course import Course, Lab, open_course
from sandbox.errors import UserError
from sandbox.grading.prefork import Prefork
from sandbox.grading.run import Options, grade


@dataclass(frozen=True)
class Work:
    """All that a worker needs to know; it travels pickled between machines of the instructor's own, as bytes and texts.

    Attributes:
        key: names the submission within the class.
        lab: the lab's id.
        course_digest: the course that the coordinator has; a worker with another one refuses.
        files: content and whether it is executable, by name.
        wall: the jail's wall; never ``process``.
        cores: how many parts of a check run at the same time.
        private: the instructor's own folder of faults and checks, content by name.
    """

    key: str
    lab: str
    course_digest: str
    files: dict[str, tuple[bytes, bool]]
    wall: str = "auto"
    cores: int = 1
    private: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What came of it: a result record, and the trouble where the machine, not the student, is to blame."""

    result: dict[str, Any] | None
    trouble: str = ""


def carry_out(
    work: Work, course: Course | None = None, cancel: threading.Event | None = None, prefork: Prefork | None = None
) -> Outcome:
    """Grade one submission. A fault of the machine or the judge comes back as trouble and is never raised.

    Args:
        course: default: the course of this machine.
        cancel: set it to stop the run.
        prefork: what starts the judge's process; default: it is started for this run alone.

    Raises:
        Cancelled: ``cancel`` was set.
    """
    try:
        lab = (course or open_course()).find(work.lab)
        if (here := lab.digest()) != work.course_digest:
            return Outcome(None, f"{platform.node()} has another version of the course ({here[:19]}…)")
        with tempfile.TemporaryDirectory(prefix="class-") as name:
            source = Path(name) / "submission"
            source.mkdir()
            write_files(source, work.files)
            options = Options(wall=work.wall, own_work=False, cores=work.cores, private=_private_folder(work))
            result = grade(lab, source, options, cancel=cancel, prefork=prefork)
    except (OSError, UserError, MemoryError) as error:
        return Outcome(None, f"{platform.node()}: {str(error) or type(error).__name__}")
    if result.course_digest != work.course_digest:
        return Outcome(None, f"the course on {platform.node()} changed while this was graded")
    troubles = [f"{check.name}: {check.message}" for check in result.checks if check.status in ("blocked", "error")]
    return Outcome(result.to_json(), "" if result.complete else "; ".join([result.problem, *troubles]).strip("; "))


def _private_folder(work: Work) -> Path | None:
    """Where this process keeps the instructor's files: the same folder for all the works that bring the same files."""
    digest = digest_of_files(work.private)
    if not digest:
        return None
    with _lock:
        if digest not in _privates:
            _privates[digest] = tempfile.TemporaryDirectory(prefix="private-")
            write_files(Path(_privates[digest].name), {path: (data, False) for path, data in work.private.items()})
        return Path(_privates[digest].name)


_privates: dict[str, tempfile.TemporaryDirectory[str]] = {}
_lock = threading.Lock()


def write_files(folder: Path, files: dict[str, tuple[bytes, bool]]) -> None:
    """Write files whose names were made safe when they were gathered."""
    for name, (content, executable) in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o755 if executable else 0o644)


def read_private(folder: Path, lab: Lab) -> dict[str, bytes]:
    """The instructor's own faults and checks for a lab, by name.

    Raises:
        UserError: the folder has none for this lab.
    """
    base = folder / lab.id
    files = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(base.rglob("*")) if p.is_file()}
    files = {name: content for name, content in files.items() if "__pycache__" not in name}
    if not files:
        raise UserError(
            f"{folder} holds nothing for lab {lab.id}.",
            f"Put faults into {base}/faults/GROUP.toml or checks into {base}/checks.py.",
        )
    return files


def digest_of_files(files: dict[str, bytes]) -> str:
    """``sha256:…`` over names and contents; empty where there are none."""
    if not files:
        return ""
    whole = hashlib.sha256()
    for name, content in sorted(files.items()):
        whole.update(f"{name}\0{len(content)}\0".encode())
        whole.update(content)
    return f"sha256:{whole.hexdigest()}"
