"""Read the history of a repository that somebody else made: git runs in the jail, and the repository's settings stay out.

A repository's own configuration can run commands (``fsmonitor``, hooks, aliases, filters), and its ``.git`` can be a link
to another one. So only what history is made of goes into the jail: ``HEAD``, refs and objects, below a configuration of
ours. What git answers there is data, checked before it is believed.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sandbox.errors import UserError
from sandbox.jail.interface import Content, Finished, Jail, Limits

COMMITS = 5_000
"""How many commits `history` returns at most, the newest first."""

LIMITS = Limits(timeout_s=60, memory_mb=1024, processes=32, file_mb=48, disk_mb=256)
"""What reading one repository may use: the copy of its ``.git`` and what is read from it share ``disk_mb``."""

_FOLDER = "repository.git"
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_ENVIRONMENT = {
    "GIT_DIR": f"/job/{_FOLDER}",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    # A replace ref would show another commit under the hash that was asked for.
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
}
# Names of a tree in full (NUL-separated, with sizes), then every blob; the plain listing quotes odd names, so a line is
# an entry whatever it is called.
_READ = """set -e
git ls-tree -r -z -l --full-tree "$1" >tree
git ls-tree -r --full-tree "$1" | cut -f 1 | grep " blob " | cut -d " " -f 3 >hashes || true
git cat-file --batch <hashes >blobs
"""
_HASH = re.compile(r"[0-9a-f]{40}")
_REVISION = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_./-]{0,200}")


class GitRefused(UserError):
    """The repository cannot be read: what was found, and what the one who submitted it can do."""


@dataclass(frozen=True)
class Commit:
    """One commit.

    Attributes:
        hash: 40 hexadecimal digits.
        time: when it was committed, as its author's machine said: a clock that its author sets.
    """

    hash: str
    time: datetime


@dataclass(frozen=True)
class Snapshot:
    """The files of one commit.

    Attributes:
        files: content of each regular file by its path (POSIX, relative, no ``..``, no ``.git``, no control character).
        left_out: why another entry is not among them, by its path.
    """

    files: Mapping[str, bytes]
    left_out: Mapping[str, str]


def history(jail: Jail, repository: Path, revision: str = "HEAD", *, limits: Limits = LIMITS) -> tuple[Commit, ...]:
    """Every commit that ``revision`` leads to, the newest first, at most `COMMITS`.

    Args:
        repository: a folder with a ``.git`` folder in it, or a bare repository. Nothing in it is run or followed.
        revision: a branch, a tag or a hash.

    Raises:
        GitRefused: it is no repository, has no such commit, or is more than the limits take.
    """
    argv = ["git", "rev-list", "--timestamp", f"--max-count={COMMITS}", "--end-of-options", _checked(revision), "--"]
    seen = jail.run(argv, files=_data_of(repository), env=_environment(jail), limits=limits, cwd=".")
    if not seen.ok:
        raise _refusal(seen, f"no commit {revision!r} could be read")
    commits = []
    for line in seen.stdout.splitlines():
        seconds, _, name = line.partition(" ")
        if not _HASH.fullmatch(name) or not seconds.isdigit() or len(seconds) > 11:
            raise GitRefused("The repository's history cannot be read: a commit has no hash or no time.", _CLONE)
        commits.append(Commit(name, datetime.fromtimestamp(int(seconds), UTC)))
    return tuple(commits)


def last_before(commits: Iterable[Commit], moment: datetime) -> Commit | None:
    """The newest commit that was made at ``moment`` or before; of two of one second, the first in ``commits``."""
    return max((commit for commit in commits if commit.time <= moment), key=lambda commit: commit.time, default=None)


def files_at(jail: Jail, repository: Path, commit: str, *, limits: Limits = LIMITS) -> Snapshot:
    """The files of ``commit`` as they were stored: no filter, no line ending and no attribute changes them.

    Raises:
        GitRefused: it is no repository, has no such commit, or holds more than the limits take.
    """
    seen = jail.run(
        ["sh", "-c", _READ, "sh", _checked(commit)],
        files=_data_of(repository),
        env=_environment(jail),
        limits=limits,
        collect=["tree", "blobs"],
    )
    if not seen.ok or seen.truncated or set(seen.files) != {"tree", "blobs"}:
        raise _refusal(seen, f"the files of {commit!r} could not be read")
    blobs = _blobs(seen.files["blobs"])
    files: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    for entry in seen.files["tree"].split(b"\0")[:-1]:
        head, _, raw = entry.partition(b"\t")
        mode, _, name = [*head.decode("ascii", "replace").split(), "", "", ""][:3]
        path = raw.decode("utf-8", "replace")
        if reason := _unfit(mode, path, raw):
            left_out[path] = reason
        elif name in blobs:
            files[path] = blobs[name]
        else:
            left_out[path] = "its content is missing from the repository"
    return Snapshot(files, left_out)


_CLONE = "Submit a fresh, full clone of it."


def _data_of(repository: Path) -> Mapping[str, Content]:
    """What history is made of, and nothing else. A link in the place of any of it is refused, not followed."""
    inner = repository / ".git"
    folder = inner if _mode(inner) else repository
    if stat.S_ISLNK(_mode(folder)) or not stat.S_ISDIR(_mode(folder)):
        raise GitRefused(f"{folder.name} is no folder but a link or a file that points elsewhere.", _CLONE)
    files: dict[str, Content] = {f"{_FOLDER}/config": _CONFIG, f"{_FOLDER}/objects/": "", f"{_FOLDER}/refs/": ""}
    for name, right, needed in [
        ("HEAD", stat.S_ISREG, True),
        ("objects", stat.S_ISDIR, True),
        ("refs", stat.S_ISDIR, False),
        ("packed-refs", stat.S_ISREG, False),
        ("shallow", stat.S_ISREG, False),
    ]:
        mode = _mode(folder / name)
        if mode and right(mode):
            files[f"{_FOLDER}/{name}"] = folder / name
        elif mode or needed:
            raise GitRefused(
                f"This is no git repository: {name} is {'of the wrong kind' if mode else 'missing'}.", _CLONE
            )
    return files


def _environment(jail: Jail) -> dict[str, str]:
    # Behind the wall "process" the working folder has another name.
    return _ENVIRONMENT if jail.name != "process" else {**_ENVIRONMENT, "GIT_DIR": _FOLDER}


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _checked(revision: str) -> str:
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise GitRefused(
            f"{revision!a} is no name of a branch, a tag or a commit.", "Use one without special characters."
        )
    return revision


def _refusal(seen: Finished, what: str) -> GitRefused:
    if seen.limit:
        return GitRefused(f"The repository is too large: {what} within the limit on {seen.limit}.", _CLONE)
    words = " ".join(seen.stderr.split())[:300]
    said = "".join(letter if letter.isprintable() else "?" for letter in words)
    return GitRefused(f"The repository cannot be read: {what}. git says: {said or 'nothing'}", _CLONE)


def _blobs(data: bytes) -> dict[str, bytes]:
    """Read the answer of ``git cat-file --batch``: a line with hash, kind and size, the content, a line feed."""
    found: dict[str, bytes] = {}
    place = 0
    while place < len(data):
        end = data.find(b"\n", place)
        words = data[place : end if end >= 0 else len(data)].decode("ascii", "replace").split()
        if len(words) == 2 and words[1] == "missing" and end >= 0:
            place = end + 1
            continue
        if len(words) != 3 or not _HASH.fullmatch(words[0]) or not words[2].isdigit() or end < 0:
            raise GitRefused("The repository's objects cannot be read.", _CLONE)
        size = int(words[2])
        content = data[end + 1 : end + 1 + size]
        if len(content) != size:
            raise GitRefused("The repository's objects are cut short.", _CLONE)
        found[words[0]] = content
        place = end + 1 + size + 1
    return found


def _unfit(mode: str, path: str, raw: bytes) -> str:
    parts = path.split("/")
    if mode == "120000":
        return "a link"
    if mode == "160000":
        return "a submodule"
    if not mode.startswith("100"):
        return "no regular file"
    if raw != path.encode() or not path.isprintable() or "\\" in path:
        return "a name with characters that are not accepted"
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts):
        return "a name that leads out of the folder or into .git"
    return ""
