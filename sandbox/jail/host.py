"""What a jail shows of the host: the interpreter with its packages, the system's programs, and nothing else."""

from __future__ import annotations

import os
import platform
import shutil
import site
import stat
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import sandbox
from sandbox.jail.interface import JOB, SOCKETS

HOME = "/tmp"
LEARNER = 1000
"""The user id that jailed processes see as their own, where the wall can choose it."""

SYSTEM_LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
"""Folders of ``/`` that hold programs and libraries; links into ``/usr`` on a merged system."""

FRESH_IDS = range(1_900_000_000, 2_000_000_000)
"""User ids that no distribution hands out, not even to containers: root takes one of them for each command."""

ETC = ("ld.so.cache", "alternatives", "ssl/certs", "ssl/openssl.cnf", "pki/tls/certs", "pki/ca-trust", "mime.types")
"""What is shown of ``/etc``: nothing that says who owns the machine."""


def environment(extra: Mapping[str, str], *, path: str, sockets: str = SOCKETS, home: str = HOME) -> dict[str, str]:
    """The whole environment of a jailed command: a fixed few, then what the caller gives."""
    return {
        "PATH": path,
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "TERM": "dumb",
        "JAIL_SOCKETS": sockets,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        # What a program printed before it hung is what its author needs to see.
        "PYTHONUNBUFFERED": "1",
        # A numeric library starts a thread for each core otherwise, and each reserves memory that the limit counts.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **extra,
    }


@cache
def python_folders() -> tuple[Path, ...]:
    """The folders that the running interpreter needs, by the paths it knows them by, outer ones first.

    A virtual environment's ``python`` is a chain of links; each link's own prefix has to be there.
    """
    found = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_exec_prefix)}
    link = Path(sys.executable)
    for _ in range(16):
        found.add(link.parent.parent)
        if not link.is_symlink():
            break
        link = Path(os.path.normpath(link.parent / os.readlink(link)))
    system = {Path("/"), Path("/usr")}
    return tuple(sorted(folder for folder in found if folder not in system and folder.is_dir()))


@cache
def python_path() -> str:
    """The value of ``PATH`` inside: the course's Python first."""
    return f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"


def python_program() -> str:
    """The path of the interpreter, outside and inside."""
    return str(Path(sys.prefix) / "bin" / "python")


@cache
def hidden() -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """What lies in the shown folders and must not be seen: the judge's own package.

    Returns:
        Files to cover with emptiness (those that put the course's checkout on Python's path), and folders to cover.
    """
    root = Path(sandbox.__file__).resolve().parent.parent
    packages = [Path(folder) for folder in site.getsitepackages()]
    folders = tuple(folder / "sandbox" for folder in packages if (folder / "sandbox").is_dir())
    files = [
        file
        for folder in packages
        if folder.is_dir()
        for file in (*folder.glob("*.pth"), *folder.glob("__editable__*.py"))
        if str(root) in file.read_text(encoding="utf-8", errors="replace")
    ]
    return tuple(files), folders


def made_up_etc(uid: int, gid: int, host: str) -> dict[str, bytes]:
    """Files of ``/etc`` that are written for the jail: one user, one host, names found in files only."""
    texts = {
        "passwd": f"learner:x:{uid}:{gid}:learner:{HOME}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
        "group": f"learner:x:{gid}:\nnogroup:x:65534:\n",
        "hosts": f"127.0.0.1 localhost {host}\n::1 localhost {host}\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\nservices: files\n",
        "services": "http 80/tcp\nhttps 443/tcp\n",
    }
    return {name: text.encode() for name, text in texts.items()}


def readable(path: Path, copies: Path) -> Path:
    """A view of a folder or file that any user may read, for a jail that root starts under another user's id.

    The path itself where it is open enough; else a copy in ``copies``. Only the top and what lies right in it is looked
    at: a private folder (of a test, of a run) is private at its top.
    """

    def is_open(each: Path) -> bool:
        mode = each.stat(follow_symlinks=False).st_mode
        needed = 0o005 if stat.S_ISDIR(mode) else 0o004
        return stat.S_ISLNK(mode) or mode & needed == needed

    if is_open(path) and (not path.is_dir() or all(map(is_open, path.iterdir()))):
        return path
    copy = copies / str(len(list(copies.iterdir())))
    if path.is_dir():
        shutil.copytree(path, copy, symlinks=True, ignore_dangling_symlinks=True)
    else:
        shutil.copyfile(path, copy)
    for each in (copy, *copy.rglob("*")):
        if not each.is_symlink():
            each.chmod(0o755 if each.is_dir() or each.stat().st_mode & 0o100 else 0o644)
    return copy


@cache
def kernel() -> tuple[int, int]:
    """The kernel's version, major and minor; (0, 0) where it does not say."""
    numbers = platform.release().split(".")
    try:
        return int(numbers[0]), int("".join(filter(str.isdigit, numbers[1])))
    except (IndexError, ValueError):
        return 0, 0


__all__ = [
    "ETC",
    "FRESH_IDS",
    "HOME",
    "JOB",
    "LEARNER",
    "SOCKETS",
    "SYSTEM_LINKS",
    "environment",
    "hidden",
    "kernel",
    "made_up_etc",
    "python_folders",
    "python_path",
    "python_program",
    "readable",
]
