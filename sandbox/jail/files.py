"""Files on their way into a jail and out of it: packed and unpacked as data, links never followed."""

from __future__ import annotations

import fcntl
import io
import os
import posixpath
import shutil
import stat
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from sandbox.jail.interface import Content, Files, FilesRefused

COLLECT_BYTES = 64 << 20
"""How much is brought back at most."""

MAX_ENTRIES = 50_000
"""How many files and folders are copied at most: a folder with more is no submission."""


def pack(files: Files, max_bytes: int) -> BinaryIO | None:
    """Write files into a tar archive, in memory where the system has a way for it.

    A folder is read without following links: a link that stays inside the folder is copied as a link, a link that leads
    out of it, a device, a pipe or a socket is left out.

    Returns:
        An unnamed file, read from its start, that nobody can write any more; None where there is nothing to copy.

    Raises:
        FilesRefused: more than ``max_bytes`` bytes or too many entries, or a name that leads out.
    """
    layers = _layers(files)
    if not layers:
        return None
    archive = _anonymous_file()
    try:
        with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8") as tar:
            packer = _Packer(tar, max_bytes)
            for layer in layers:
                packer.layer(layer)
    except BaseException:
        archive.close()
        raise
    return sealed(archive)


def data_file(data: bytes) -> BinaryIO:
    """Return an unnamed, sealed file with this content, read from its start."""
    file = _anonymous_file()
    file.write(data)
    return sealed(file)


def sealed(file: BinaryIO) -> BinaryIO:
    """Rewind a file; where it lies in memory, make it unchangeable, since a jailed process will hold it."""
    file.flush()
    file.seek(0)
    if hasattr(fcntl, "F_ADD_SEALS"):
        try:
            everything = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
            fcntl.fcntl(file.fileno(), fcntl.F_ADD_SEALS, everything)
        except OSError:
            pass  # an ordinary temporary file: has no seals, and is a private copy all the same
    return file


def unpack(archive: BinaryIO, folder: Path) -> None:
    """Lay an archive made by `pack` into a folder."""
    with tarfile.open(fileobj=archive, mode="r") as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:  # before Python 3.11.4; `pack` lets nothing through that the filter would have to stop
            tar.extractall(folder)


def collected(data: bytes, names: Sequence[str]) -> tuple[dict[str, bytes], bool]:
    """Read the regular files below ``names`` from an archive that a jailed process had in its hands.

    Nothing is written to disk, so links and ``..`` lead nowhere; sizes are checked against the archive's own length.

    Returns:
        The files by their path relative to the working folder, and whether something was left out or unreadable.
    """
    found: dict[str, bytes] = {}
    incomplete = False
    wanted = [posixpath.normpath(name) for name in names]
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for member in tar:
                name = posixpath.normpath(member.name)
                if not any(_below(name, root) for root in wanted):
                    continue
                if member.islnk() and (twin := found.get(posixpath.normpath(member.linkname))) is not None:
                    found[name] = twin
                if not member.isreg():
                    continue
                if member.issparse() or member.size > len(data):
                    incomplete = True
                    continue
                content = tar.extractfile(member)
                found[name] = content.read() if content else b""
    except (tarfile.TarError, ValueError, OverflowError, RecursionError, EOFError, OSError, MemoryError):
        incomplete = True
    return found, incomplete


def remove_tree(folder: Path) -> None:
    """Remove a folder that a jailed process wrote to, whatever modes and depths it made."""
    try:
        shutil.rmtree(folder)
        return
    except (OSError, RecursionError):
        pass
    # The system's own tools go to any depth and never follow a link.
    subprocess.run(["chmod", "-R", "u+rwx", str(folder)], check=False, capture_output=True)
    subprocess.run(["rm", "-rf", "--", str(folder)], check=False, capture_output=True)


class _Packer:
    def __init__(self, tar: tarfile.TarFile, max_bytes: int) -> None:
        self.tar = tar
        self.max_bytes = max_bytes
        self.bytes = 0
        self.entries = 0
        self.folders: set[str] = set()

    def layer(self, layer: Path | Mapping[str, Content]) -> None:
        if isinstance(layer, Path):
            self.folder(layer, "")
            return
        for name, content in layer.items():
            clean = _relative(name)
            if isinstance(content, Path):
                if content.is_dir():
                    self.add_folder(clean)
                    self.folder(content, clean)
                else:
                    self.file(content, clean)
            elif name.endswith("/"):
                self.add_folder(clean)
            else:
                data = content.encode() if isinstance(content, str) else content
                self.add(clean, 0o644, len(data), io.BytesIO(data))

    def folder(self, root: Path, prefix: str) -> None:
        if not root.is_dir():
            raise FilesRefused(f"cannot copy {root} into the jail: it is not a folder")
        for path, entry in _walk(root):
            name = posixpath.join(prefix, path)
            if entry.is_symlink():
                self.link(name, path, os.readlink(entry.path))
            elif entry.is_dir(follow_symlinks=False):
                self.add_folder(name)
            elif entry.is_file(follow_symlinks=False):
                self.file(Path(entry.path), name)

    def file(self, path: Path, name: str) -> None:
        # O_NOFOLLOW and O_NONBLOCK: between listing and opening, the entry may have become a link or a pipe.
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise FilesRefused(f"cannot copy {name!r} into the jail: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as source:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                self.add(name, 0o755 if status.st_mode & 0o111 else 0o644, status.st_size, source)

    def link(self, name: str, path: str, target: str) -> None:
        goal = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if target.startswith("/") or goal == ".." or goal.startswith("../"):
            return
        self.count(name)
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(entry)

    def add_folder(self, name: str) -> None:
        if name in self.folders or name == ".":
            return
        self.count(name)
        self.folders.add(name)
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        self.tar.addfile(entry)

    def add(self, name: str, mode: int, size: int, source: BinaryIO) -> None:
        self.bytes += size
        if self.bytes > self.max_bytes:
            raise FilesRefused(f"the files are larger than the {self.max_bytes >> 20} MiB that the jail has room for")
        self.count(name)
        entry = tarfile.TarInfo(name)
        entry.mode, entry.size = mode, size
        try:
            self.tar.addfile(entry, source)
        except OSError as error:
            raise FilesRefused(f"cannot copy {name!r} into the jail: it changed while it was read ({error})") from error

    def count(self, name: str) -> None:
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            raise FilesRefused(f"more than {MAX_ENTRIES} files and folders; the one past that is {name!r}")


def _walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every entry below a folder, a folder before what is in it, in order of their names; no link is followed."""
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            with os.scandir(root / prefix if prefix else root) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise FilesRefused(f"cannot read the folder {prefix or root!s}: {error.strerror}") from error
        for entry in inside:
            path = f"{prefix}/{entry.name}" if prefix else entry.name
            if not entry.is_symlink() and entry.is_dir(follow_symlinks=False):
                waiting.append(path)
            yield path, entry


def _layers(files: Files) -> list[Path | Mapping[str, Content]]:
    if files is None:
        return []
    if isinstance(files, Path | Mapping):
        return [files]
    return list(files)


def _relative(name: str) -> str:
    clean = posixpath.normpath(name)
    if name.startswith("/") or "\0" in name or clean == ".." or clean.startswith("../") or not name:
        raise FilesRefused(f"the name {name!r} leads out of the working folder")
    return clean


def _below(name: str, root: str) -> bool:
    return root == "." or name == root or name.startswith(root + "/")


def _anonymous_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("jail", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b")
    return tempfile.TemporaryFile()
