"""The stack's parts, read from ``compose.yaml``: what each is called, where it answers, how it runs without Docker."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import tools
from sandbox.runtime.settings import COMPOSE_FILE, Settings, StackError, compose_document, interpolate


@dataclass(frozen=True)
class Command:
    """How a unit runs as a process of the host."""

    tool: str
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    alone: bool

    def argv(self) -> list[str]:
        """The whole command line; :class:`sandbox.tools.ToolMissing` where its program is not here."""
        program = list(tools.require(self.tool).argv) if self.tool else [sys.executable]
        return [*program, *self.arguments]


@dataclass(frozen=True)
class Unit:
    """One part of the stack.

    Attributes:
        host: it is a process of the host in both runtimes.
        profiles: it starts only with one of these; none means always.
        variable, port, ready: where it answers, and the path that says that it is up.
        inner_port: where it listens inside its container, to the stack's other containers.
        image: what its container is made from; empty for a host's unit.
        built: the image is built from this checkout, not pulled.
        watched: files and folders whose change calls for a restart.
        folders: folders that must be there, and be its own to write to.
        wait_s: how long it may take until it is ready.
    """

    name: str
    title: str
    host: bool
    profiles: frozenset[str]
    variable: str
    port: int
    ready: str
    inner_port: int
    image: str
    built: bool
    optional: bool
    command: Command | None
    watched: tuple[Path, ...]
    folders: tuple[Path, ...]
    wait_s: float
    after: tuple[str, ...]
    definition: str

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def belongs(self, profiles: Iterable[str]) -> bool:
        """Does it start with these profiles?"""
        return not self.profiles or bool(self.profiles & set(profiles))

    def fingerprint(self) -> str:
        """Changes when the unit's description or a file that it watches changes."""
        total = hashlib.sha256(self.definition.encode())
        for path in self.watched:
            total.update(traces(path).encode())
        return total.hexdigest()[:16]


def read_units(settings: Settings) -> tuple[Unit, ...]:
    """Every unit of the stack, in an order in which they can be started."""
    document = compose_document()
    units = [
        _unit(name, body, settings, host)
        for section, host in (("services", False), ("x-host", True))
        for name, body in document[section].items()
    ]
    ordered: list[Unit] = []
    while left := [unit for unit in units if unit not in ordered]:
        done = {unit.name for unit in ordered}
        ready = [unit for unit in left if set(unit.after) <= done]
        if not ready:
            raise StackError(f"{COMPOSE_FILE}: these wait for each other: {', '.join(unit.name for unit in left)}.")
        ordered += ready
    return tuple(ordered)


def profiles_of(units: Iterable[Unit]) -> frozenset[str]:
    """Every profile that some unit names."""
    return frozenset(profile for unit in units for profile in unit.profiles)


def fingerprint_variable(name: str) -> str:
    """The compose file's variable that a unit's fingerprint goes into."""
    return f"SANDBOX_FINGERPRINT_{name.upper()}"


def _unit(name: str, body: dict[str, Any], settings: Settings, host: bool) -> Unit:
    # What differs at each start must not be part of the description that the fingerprint is made from.
    own = {fingerprint_variable(name): "", "SANDBOX_BUILD": ""}
    filled = interpolate(body, {**settings.variables, **own})
    about: dict[str, Any] = filled["x-sandbox"]
    process: dict[str, Any] | None = filled.get("x-process")
    command = None
    if process is not None:
        arguments = tuple(str(argument) for argument in process["command"])
        env = {key: str(value) for key, value in process.get("env", {}).items()}
        command = Command(process.get("tool", ""), arguments, env, process.get("alone", False))
    return Unit(
        name=name,
        title=about["title"],
        host=host,
        profiles=frozenset(body.get("profiles", ())),
        variable=about["port"],
        port=settings.ports[about["port"]],
        ready=about["ready"],
        inner_port=int(filled["ports"][0].rpartition(":")[2]) if "ports" in filled else settings.ports[about["port"]],
        image=filled.get("image", ""),
        built="build" in filled,
        optional=about.get("optional", False),
        command=command,
        watched=tuple(Path(path) for path in about.get("watch", ())),
        folders=tuple(settings.state / folder for folder in about.get("folders", ())),
        wait_s=float(about.get("wait_s", 60)),
        after=tuple(body.get("depends_on", ())),
        definition=json.dumps(filled, sort_keys=True),
    )


def traces(path: Path) -> str:
    """Names, sizes and times of the files below a path: enough to see a change, and quick."""
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    stats = ((file, file.stat()) for file in files if "__pycache__" not in file.parts)
    return "".join(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n" for file, stat in stats)
