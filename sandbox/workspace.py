"""Workspaces and submissions: begin, reset, pack; and compose what is graded from what is accepted."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from sandbox.course import Lab
from sandbox.errors import UserError

# A learner's own configuration, hooks or signing keys must not decide how the kit's first commit is made.
GIT = (
    "git",
    "-c",
    "user.name=Course",
    "-c",
    "user.email=course@localhost",
    "-c",
    "commit.gpgsign=false",
    "-c",
    f"core.hooksPath={os.devnull}",
    "-c",
    "init.defaultBranch=main",
)
SKIPPED_FOLDERS = {".git", "__pycache__", ".pytest_cache", ".venv", ".terraform", "node_modules"}


@dataclass(frozen=True)
class Submission:
    """The files that are graded: a clean starter with the accepted files laid over it.

    Attributes:
        path: the composed folder, read-only by custom: checks copy it into a jail.
        accepted: names (POSIX, relative) of the files that came from the learner.
        ignored: names of files that the lab does not accept; they were left out.
        refused: why a file was refused, by name (links, devices, names with control characters).
        digest: ``sha256:…`` over names and contents of the accepted files.
    """

    path: Path
    accepted: tuple[str, ...]
    ignored: tuple[str, ...]
    refused: dict[str, str]
    digest: str

    def read(self, name: str, max_bytes: int = 1_000_000) -> str:
        """The text of one file of the submission, for a check to look at as data.

        Raises:
            CheckFailed: it is missing, too large or no UTF-8 text.
        """
        from sandbox.grading.api import fail  # here, since grading imports this module

        path = self.path / name
        if not path.is_file() or path.is_symlink():
            fail(f"{name} is missing", expected=f"a file {name} in your workspace")
        if (size := path.stat().st_size) > max_bytes:
            fail(f"{name} is too large to read", observed=f"{size:,} bytes", expected=f"at most {max_bytes:,}")
        try:
            return path.read_text("utf-8")
        except UnicodeDecodeError as error:
            fail(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}")


class WorkspaceError(UserError):
    """A workspace is missing, is there already, or holds more than the lab takes."""


def begin(lab: Lab) -> Path:
    """Make the learner's copy of the lab's starter: a git repository with one commit.

    Raises:
        WorkspaceError: there is one already (nothing is touched).
    """
    target = lab.workspace
    if target.exists() and any(target.iterdir()):
        raise WorkspaceError(
            f"{_short(target)} is there already.",
            f"Go on in it, or start again with `lab reset {lab.number}` (it keeps a backup).",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    # Made beside and moved in one step: a begin that is stopped half way leaves nothing half made.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".begin-") as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(lab.starter, copy, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
        _run_setup(lab, copy)
        if not (copy / ".git").exists():
            for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", f"Start lab {lab.id}"]):
                _git(copy, *command)
        if target.exists():
            target.rmdir()
        os.replace(copy, target)
    return target


def reset(lab: Lab) -> Path | None:
    """Start again from the starter. Returns where the old workspace was kept, or None where there was none."""
    kept = None
    if lab.workspace.exists():
        backups = lab.course.work / ".backups"
        backups.mkdir(parents=True, exist_ok=True)
        kept = backups / f"{lab.id}-{time.strftime('%Y%m%d-%H%M%S')}"
        while kept.exists():
            kept = kept.with_name(kept.name + "-1")
        os.replace(lab.workspace, kept)
    begin(lab)
    return kept


def compose(lab: Lab, source: Path, target: Path) -> Submission:
    """Lay the accepted files of ``source`` over a clean starter in ``target``.

    A file that the starter holds and the lab accepts, but ``source`` lacks, was deleted by the learner and stays deleted.
    ``source`` may be hostile: links are never followed, only regular files are read, numbers and sizes are bounded.

    Raises:
        WorkspaceError: ``source`` is missing, or holds more files or bytes than the lab takes.
    """
    if not source.is_dir():
        raise WorkspaceError(f"{_short(source)} is not a folder.", f"Begin the lab first: `lab begin {lab.number}`.")
    shutil.copytree(
        lab.starter, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")
    )
    for name, _ in list(_walk(target)):
        if accepts(lab, name):
            (target / name).unlink()

    found = gather(lab, source)
    for name, (content, executable) in found.files.items():
        _put(target, name, content, executable=executable)
    return Submission(target, tuple(found.files), found.ignored, found.refused, found.digest)


@dataclass(frozen=True)
class Gathered:
    """The accepted files of a submission as bytes: what is graded, and all that travels to another machine.

    Attributes:
        files: content and whether it is executable, by name, in order of the names.
        ignored: names of files that the lab does not accept.
        refused: why a file was refused, by name.
        digest: ``sha256:…`` over names and contents, the same as that of the composed submission.
    """

    files: dict[str, tuple[bytes, bool]]
    ignored: tuple[str, ...]
    refused: dict[str, str]
    digest: str


def gather(lab: Lab, source: Path) -> Gathered:
    """Read the accepted files of ``source``, which may be hostile: see :func:`compose`.

    Raises:
        WorkspaceError: it holds more files or bytes than the lab takes.
    """
    files: dict[str, tuple[bytes, bool]] = {}
    ignored: list[str] = []
    refused: dict[str, str] = {}
    total, whole = 0, hashlib.sha256()
    for name, entry in sorted(_walk(source), key=lambda pair: pair[0]):
        if not accepts(lab, name):
            ignored.append(name)
            continue
        if reason := _unfit(name, entry):
            refused[name] = reason
            continue
        if len(files) == lab.spec.limits.files:
            raise WorkspaceError(
                f"{_short(source)} holds more than the {lab.spec.limits.files} files that lab {lab.id} takes.",
                "Remove what does not belong to the lab.",
            )
        content = _read_regular(entry, lab.spec.limits.bytes - total)
        if content is None:
            raise WorkspaceError(
                f"{_short(source)} holds more than the {lab.spec.limits.bytes:,} bytes that lab {lab.id} takes (at {name}).",
                "Remove data and models that do not belong to the lab.",
            )
        files[name] = (content, bool(entry.lstat().st_mode & stat.S_IXUSR))
        total += len(content)
        whole.update(f"{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
        whole.update(content)
    return Gathered(files, tuple(ignored), refused, f"sha256:{whole.hexdigest()}")


def accepts(lab: Lab, name: str) -> bool:
    """Whether a submission to the lab may bring a file of this name."""
    return any(_matches(name, pattern) for pattern in lab.spec.accepts)


def _matches(name: str, pattern: str) -> bool:
    """Match a POSIX name against a glob in which ``**`` stands for any number of folders, none included."""

    def match(parts: tuple[str, ...], globs: tuple[str, ...]) -> bool:
        if not globs:
            return not parts
        if globs[0] == "**":
            rest = globs[1:]
            return bool(parts) if not rest else any(match(parts[skip:], rest) for skip in range(len(parts)))
        return bool(parts) and fnmatchcase(parts[0], globs[0]) and match(parts[1:], globs[1:])

    return match(PurePosixPath(name).parts, PurePosixPath(pattern).parts)


_MOST_LEVELS = 64
"""Folders below one another that are looked into: paths that are longer than the system takes lie beyond."""


def _walk(folder: Path, prefix: str = "") -> Iterator[tuple[str, Path]]:
    """Every entry below a folder that is not itself a folder; links to folders count as entries.

    Raises:
        WorkspaceError: folders lie too deep in one another.
    """
    if prefix.count("/") > _MOST_LEVELS:
        raise WorkspaceError(
            f"More than {_MOST_LEVELS} folders lie in one another, from {prefix.split('/')[0]!a} on.",
            "Remove what does not belong to the lab.",
        )
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED_FOLDERS:
                    yield from _walk(Path(entry.path), name + "/")
            else:
                yield name, Path(entry.path)


def _unfit(name: str, path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "a link"
    if not stat.S_ISREG(mode):
        return "not a regular file"
    if not name.isprintable():
        return "a name with control characters"
    return ""


def _read_regular(path: Path, room: int) -> bytes | None:
    """The content of a regular file, or None where it is larger than ``room`` bytes."""
    # The file may be swapped for a link or grow between the look and the read: open what is there, without following.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(handle, "rb") as file:
        content = file.read(room + 1)
    return None if len(content) > room else content


def _put(target: Path, name: str, content: bytes, *, executable: bool) -> None:
    path = target / name
    # A file may stand where the starter has a folder, or the other way round: the learner's shape wins.
    for parent in reversed(path.relative_to(target).parents):
        if (target / parent).is_file():
            (target / parent).unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.write_bytes(content)
    path.chmod(0o755 if executable else 0o644)


def _run_setup(lab: Lab, copy: Path) -> None:
    """Let the lab finish its starter (history, bulky data) with its ``begin.py``, our own code, never the learner's."""
    script = lab.folder / "begin.py"
    if script.is_file():
        import sys

        subprocess.run([sys.executable, str(script), str(copy)], check=True, cwd=copy)


def _git(folder: Path, *arguments: str) -> None:
    if not shutil.which("git"):
        raise WorkspaceError("git is not installed.", "Install git (for example `apt-get install git`) and try again.")
    env = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run([*GIT, *arguments], cwd=folder, check=True, env=env, stdin=subprocess.DEVNULL)


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
