"""Open a student's archive without trusting a byte of it.

Only regular files come out, under names that stay inside, within the limits of the lab. Sizes are counted while reading:
what an archive says of its own sizes is not believed.
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from sandbox.workspace import SKIPPED_FOLDERS

MOST_MEMBERS = 5_000
"""Entries that are looked at before an archive is given up, accepted by the lab or not."""
MOST_BYTES = 200_000_000
"""Bytes that are unpacked before an archive is given up."""
ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")
_CHUNK = 1 << 16


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
        for name, stream in _members(archive):
            count += 1
            if count > MOST_MEMBERS:
                raise BadArchive(f"the archive holds more than {MOST_MEMBERS:,} files")
            path = target / _inside(name)
            if set(path.relative_to(target).parts[:-1]) & SKIPPED_FOLDERS:
                continue
            _make_room(path, target)
            with path.open("wb") as out:
                while chunk := stream.read(_CHUNK):
                    total += len(chunk)
                    if total > MOST_BYTES:
                        raise BadArchive(f"the archive unpacks to more than {MOST_BYTES:,} bytes")
                    out.write(chunk)
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


def _members(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Name and content of every regular file; folders are left out, links and devices refused."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            for info in opened.infolist():
                if info.flag_bits & 1:
                    raise BadArchive("the archive is encrypted")
                # The upper half holds the Unix mode: a link is stored as a file that says where to.
                if (info.external_attr >> 16) & 0o170000 == 0o120000:
                    raise BadArchive(f"the archive holds a link, {info.filename!a}")
                if not info.is_dir():
                    with opened.open(info) as stream:
                        yield info.filename, stream
        return
    with tarfile.open(archive, "r|*") as opened:
        for member in opened:
            if member.isdir():
                continue
            if not member.isreg():
                raise BadArchive(f"the archive holds {member.name!a}, which is no regular file")
            content = opened.extractfile(member)
            if content is not None:
                yield member.name, content


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
