"""What an image holds, layer by layer: read from the saved image, never by running it."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

BLOCK = 1 << 20
COMPILER = re.compile(
    r"(?:^|/)(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|c89|c99|clang|clang\+\+|tcc|cc1|cc1plus|rustc|gfortran)(?:-[\d.]+)?$"
)
_DISTRIBUTION = re.compile(r"(?:^|/)([\w.]+)-([^-/]+)\.dist-info/METADATA$")
# What differs between two builds without anybody's doing: bytecode has the time of its source in it, logs have
# that of the build, the password file that of the day.
_VARIES = re.compile(
    r"\.pyc$|^var/log/|^var/cache/ldconfig/|^etc/(shadow-?|hostname|hosts|resolv\.conf)$|^run/|^proc/|^sys/|^dev/"
)


@dataclass(frozen=True)
class Entry:
    """One file of one layer."""

    name: str
    kind: bytes
    mode: int
    owner: tuple[int, int]
    size: int
    content: str
    """Hash of the content, or where a link leads; empty in the layers of the base image."""


@dataclass(frozen=True)
class Layer:
    """One layer: its digest, its files, and which of the texts that were looked for stand in which file."""

    digest: str
    entries: tuple[Entry, ...]
    found: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Image:
    """All layers of a saved image, from the base upwards, with files that a later layer deletes."""

    layers: tuple[Layer, ...]
    config: Mapping[str, Any]
    told: tuple[str, ...]
    """Which of the texts stand in the configuration or the history."""

    @property
    def size(self) -> int:
        return sum(entry.size for layer in self.layers for entry in layer.entries)

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.config.get("config", {}).get("Labels") or {})

    def places(self, text: str) -> list[str]:
        """Where a text that was looked for stands."""
        history = ["the image's history or configuration"] if text in self.told else []
        return history + [name for layer in self.layers for name, what in layer.found if what == text]

    def compilers(self) -> list[str]:
        return [
            e.name
            for layer in self.layers
            for e in layer.entries
            if e.kind != tarfile.DIRTYPE and e.mode & 0o111 and COMPILER.search(e.name)
        ]

    def files(self) -> dict[str, Entry]:
        """The files that a container sees, by name."""
        seen: dict[str, Entry] = {}
        for layer in self.layers:
            for entry in layer.entries:
                path = PurePosixPath(entry.name)
                if path.name == ".wh..wh..opq":
                    _drop(seen, f"{path.parent}/")
                elif path.name.startswith(".wh."):
                    gone = str(path.with_name(path.name.removeprefix(".wh.")))
                    seen.pop(gone, None)
                    _drop(seen, f"{gone}/")
            seen |= {e.name: e for e in layer.entries if not PurePosixPath(e.name).name.startswith(".wh.")}
        return seen

    def distributions(self) -> dict[str, str]:
        """Version of each Python package that a container sees, by normalised name."""
        return {normal(match[1]): match[2] for name in self.files() if (match := _DISTRIBUTION.search(name))}

    def differences(self, other: Image) -> list[str]:
        """Names of files that are not the same in another build, beside what always varies."""
        mine, theirs = self.files(), other.files()
        return sorted(
            name
            for name in mine.keys() | theirs.keys()
            if not _VARIES.search(name) and _identity(mine.get(name)) != _identity(theirs.get(name))
        )


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read(chunks: Iterable[bytes], texts: Iterable[str], base_layers: Iterable[str]) -> Image:
    """Read a saved image (``docker save``) and look for texts in its files, its configuration and its history.

    Args:
        base_layers: digests of layers that are the base image's: their files are listed, not read.
    """
    texts, known = tuple(texts), set(base_layers)
    with tempfile.TemporaryFile() as file:
        for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        with tarfile.open(fileobj=file) as outer:
            manifest = json.loads(_member(outer, "manifest.json").read())[0]
            raw = _member(outer, manifest["Config"]).read()
            config = json.loads(raw)
            layers = tuple(
                _layer(digest, _member(outer, name), texts, read_content=digest not in known)
                for digest, name in zip(config["rootfs"]["diff_ids"], manifest["Layers"], strict=True)
            )
    return Image(layers, config, tuple(text for text in texts if text.encode() in raw))


def pack(files: Mapping[str, str]) -> bytes:
    """A tar of texts that any user can read and run, by path from the root, with the folders they lie in."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            folder = tarfile.TarInfo(str(PurePosixPath(name).parent).strip("/"))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            if folder.name not in ("", "tmp"):  # these are there, and stay as they are
                archive.addfile(folder)
            member = tarfile.TarInfo(name.strip("/"))
            member.size, member.mode = len(text.encode()), 0o755
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _layer(digest: str, stream: BinaryIO, texts: tuple[str, ...], *, read_content: bool) -> Layer:
    entries, found = [], []
    with tarfile.open(fileobj=stream) as inner:
        for member in inner:
            name = member.name.removeprefix("./").strip("/")
            content = member.linkname
            if member.isfile() and read_content:
                content, held = _content(_member(inner, member), texts)
                found += [(name, text) for text in held]
            entries.append(Entry(name, member.type, member.mode, (member.uid, member.gid), member.size, content))
    return Layer(digest, tuple(entries), tuple(found))


def _content(stream: BinaryIO, texts: tuple[str, ...]) -> tuple[str, list[str]]:
    total, held, before = hashlib.sha256(), set(), b""
    longest = max(map(len, texts), default=1)
    while block := stream.read(BLOCK):
        total.update(block)
        window = before + block
        held |= {text for text in texts if text.encode() in window}
        before = block[-longest:]
    return total.hexdigest(), sorted(held)


def _identity(entry: Entry | None) -> tuple[Any, ...] | None:
    return None if entry is None else (entry.kind, entry.mode, entry.owner, entry.content)


def _drop(seen: dict[str, Entry], folder: str) -> None:
    for name in [name for name in seen if name.startswith(folder)]:
        del seen[name]


def _member(archive: tarfile.TarFile, name: str | tarfile.TarInfo) -> BinaryIO:
    stream = archive.extractfile(name)
    if stream is None:
        raise ValueError(f"the saved image holds no file {name}")
    return stream  # type: ignore[return-value]
