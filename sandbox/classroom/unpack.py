"""Open a student's archive without trusting a byte of it.

Only regular files come out, under names that stay inside, within the limits of the lab. Sizes are counted while reading:
what an archive says of its own sizes is not believed.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sandbox.workspace import SKIPPED_FOLDERS

MOST_MEMBERS = 5_000
"""Entries that are looked at before an archive is given up, accepted by the lab or not."""
MOST_BYTES = 200_000_000
"""Bytes that are unpacked before an archive is given up."""
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
MOST_LISTED = 400 * MOST_MEMBERS
"""Bytes of a zip's list of names: more than any honest list of so many names takes."""
SKIPPED = SKIPPED_FOLDERS | {"__MACOSX"}
APPLE_DOUBLE = "._"
"""What macOS puts beside a file to hold what a zip or a tar cannot; it is no work of the student."""
_CHUNK = 1 << 16
_END, _END_64, _END_BYTES = b"PK\x05\x06", b"PK\x06\x07", 22


class BadArchive(Exception):
    """The archive cannot be graded; the message is written for the student."""


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive that :func:`unpack` opens."""
    return path.name.lower().endswith(ENDINGS)


def unpack(archive: Path, target: Path) -> None:
    """Unpack ``archive`` into the empty folder ``target``.

    Raises:
        BadArchive: it is no archive, cut, encrypted, empty, too large, or holds a name that leads outside.
    """
    total = 0
    count = 0
    try:
        for name, executable, stream in _members(archive):
            count += 1
            if count > MOST_MEMBERS:
                raise BadArchive(f"the archive holds more than {MOST_MEMBERS:,} files")
            path = target / _inside(name)
            if set(path.relative_to(target).parts[:-1]) & SKIPPED or path.name.startswith(APPLE_DOUBLE):
                continue
            _make_room(path, target)
            with path.open("wb") as out:
                while chunk := stream.read(_CHUNK):
                    total += len(chunk)
                    if total > MOST_BYTES:
                        raise BadArchive(f"the archive unpacks to more than {MOST_BYTES:,} bytes")
                    out.write(chunk)
            if executable:
                path.chmod(0o755)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise BadArchive(f"the archive is damaged or cut short ({error})") from None
    except NotImplementedError as error:
        raise BadArchive(f"the archive uses a method that cannot be read ({error})") from None
    except RuntimeError as error:
        raise BadArchive(f"the archive is encrypted ({error})") from None
    except (UnicodeError, ValueError, OSError) as error:
        raise BadArchive(f"the archive cannot be unpacked ({type(error).__name__}: {error})") from None
    if not count:
        raise BadArchive("the archive is empty")


def _members(archive: Path) -> Iterator[tuple[str, bool, IO[bytes]]]:
    """Name, whether it is executable, and content of every regular file; folders are left out, links and devices refused."""
    if zipfile.is_zipfile(archive):
        with archive.open("rb") as file:
            _check_directory(file)
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if info.flag_bits & 1:
                    raise BadArchive("the archive is encrypted")
                # The upper half holds the Unix mode: a link is stored as a file that says where to.
                mode = info.external_attr >> 16
                if mode & 0o170000 == 0o120000:
                    raise BadArchive(f"the archive holds a link, {info.filename!a}")
                if not info.is_dir():
                    with opened.open(info) as stream:
                        yield info.filename, bool(mode & 0o100), stream
        return
    with _decompressed(archive) as plain, tarfile.open(fileobj=_Capped(plain), mode="r|") as tape:  # type: ignore[call-overload]
        for member in tape:
            if member.isdir():
                continue
            if not member.isreg():
                raise BadArchive(f"the archive holds {member.name!a}, which is no regular file")
            content = tape.extractfile(member)
            if content is not None:
                yield member.name, bool(member.mode & 0o100), content


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a zip whose list of names is itself a bomb: reading it takes memory for each name."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - 65_535))
    tail = file.read()
    at = len(tail) - _END_BYTES
    if tail[at : at + 4] != _END or tail[-2:] != b"\0\0":
        at = tail.rfind(_END)
    listed = int.from_bytes(tail[at + 12 : at + 16], "little")
    if listed > MOST_LISTED or tail[max(0, at - 20) : at].startswith(_END_64):
        raise BadArchive(
            f"the archive holds more than {MOST_MEMBERS:,} files, or is larger than a zip of this kind can be"
        )


class _Capped:
    """A stream that ends with an error past the limit: a tar's headers are read whole, however large they say they are."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._left = stream, MOST_BYTES + 2 * 512 * MOST_MEMBERS

    def read(self, size: int) -> bytes:
        chunk: bytes = self._stream.read(size)
        self._left -= len(chunk)
        if self._left < 0:
            raise BadArchive(f"the archive unpacks to more than {MOST_BYTES:,} bytes")
        return chunk


def _decompressed(archive: Path) -> Any:
    with archive.open("rb") as file:
        start = file.read(6)
    if start[:2] == b"\x1f\x8b":
        return gzip.open(archive)
    if start[:3] == b"BZh":
        return bz2.open(archive)
    return lzma.open(archive) if start == b"\xfd7zXZ\0" else archive.open("rb")


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name.replace("\\", "/"))
    parts = [part for part in path.parts if part != "."]
    drive = bool(parts) and len(parts[0]) == 2 and parts[0][1] == ":"
    if path.is_absolute() or drive or ".." in parts or not parts or "\0" in name:
        raise BadArchive(f"the archive holds a name that leads outside: {name!a}")
    return PurePosixPath(*parts)


def _make_room(path: Path, target: Path) -> None:
    for parent in path.relative_to(target).parents:
        if (target / parent).is_file():
            raise BadArchive(f"the archive holds {str(parent)!a} as a file and as a folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise BadArchive(f"the archive holds {path.name!a} twice")
