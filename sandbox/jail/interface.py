"""What every wall offers: run a command, or serve one, and say what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from sandbox.errors import UserError

if TYPE_CHECKING:
    from sandbox.jail.service import Service
    from sandbox.jail.supervisor import Started

OUTPUT_BYTES = 1 << 20
"""How much of stdout, and how much of stderr, is kept; what follows is read and thrown away."""

LOADED = 4
"""How many times as long as its time limit a command may last at most, where other work kept it from the processors."""

JOB = "/job"
"""Where a command finds its private copy of the files."""

SOCKETS = "/run/sockets"
"""Where a service puts its unix sockets; the environment variable ``JAIL_SOCKETS`` says the same."""

Content: TypeAlias = Path | bytes | str
Files: TypeAlias = Path | Mapping[str, Content] | Sequence["Path | Mapping[str, Content]"] | None
"""What is copied into ``/job``: a folder, or relative names with their content, or several of these, the later over the
earlier. A name that ends in ``/`` is an empty folder; a `Path` as content is a file, or a folder that is copied whole."""


class JailError(Exception):
    """The jail itself failed: nothing can be said about the command that was to run in it."""


class JailUnavailable(UserError, JailError):
    """No wall works on this machine; the message says what was tried, the fix what to do."""


class FilesRefused(UserError, JailError):
    """The files do not fit into the jail: too large, or a name that leads out of the folder."""


class ServiceNotReady(JailError):
    """A service runs but did not answer as it should within its time.

    Attributes:
        finished: what the service had printed by then, as it was stopped.
    """

    def __init__(self, message: str, finished: Finished) -> None:
        super().__init__(message)
        self.finished = finished


class ServiceDied(JailError):
    """A service ended by itself before it was ready; ``finished`` says how."""

    def __init__(self, message: str, finished: Finished) -> None:
        super().__init__(message)
        self.finished = finished


@dataclass(frozen=True)
class Limits:
    """What a command may use.

    Attributes:
        timeout_s: seconds from the start until everything is killed; for a service, its whole life. Time in which the
            command was ready to run and other work had the processors does not count, up to `LOADED` times in all.
        cpu_s: seconds of CPU time, of each process and of all together; twice ``timeout_s`` where it is None.
        memory_mb: MiB of memory, of each process and of all together.
        processes: processes and threads at one time.
        file_mb: MiB of the largest file that can be written.
        disk_mb: MiB of ``/job``; ``/tmp`` has half of that, at least 16. Both lie in memory.
    """

    timeout_s: float = 30.0
    cpu_s: float | None = None
    memory_mb: int = 1024
    processes: int = 256
    file_mb: int = 64
    disk_mb: int = 256

    def __post_init__(self) -> None:
        for name in ("timeout_s", "memory_mb", "processes", "file_mb", "disk_mb"):
            if getattr(self, name) <= 0:
                raise ValueError(f"Limits.{name} must be above zero, not {getattr(self, name)!r}")
        if self.cpu_s is not None and self.cpu_s <= 0:
            raise ValueError(f"Limits.cpu_s must be above zero, not {self.cpu_s!r}")

    @property
    def cpu_seconds(self) -> float:
        return self.timeout_s * 2 if self.cpu_s is None else self.cpu_s

    @property
    def tmp_mb(self) -> int:
        return max(16, self.disk_mb // 2)


@dataclass(frozen=True)
class Finished:
    """How a command ended.

    Attributes:
        argv: the command.
        exit_status: its status, or None where a signal or a limit ended it. A status of 128 + n is read as signal n,
            as a shell does.
        signal: the number of the signal that ended it, or None.
        stdout, stderr: what it printed, at most 1 MiB of each, undecodable bytes replaced.
        duration_s: seconds from start to end.
        timed_out: whether ``Limits.timeout_s`` ended it.
        truncated: whether output or collected files were more than is kept.
        limit: which limit it met, where that is known: "time", "cpu", "memory", "processes", "file", "disk".
        files: the regular files that ``collect`` asked for and that were there, by their path relative to ``/job``.
    """

    argv: tuple[str, ...]
    exit_status: int | None
    signal: int | None
    stdout: str
    stderr: str
    duration_s: float
    timed_out: bool = False
    truncated: bool = False
    limit: str | None = None
    files: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def ok(self) -> bool:
        return self.exit_status == 0

    @property
    def output(self) -> str:
        """Both streams, stdout first."""
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Task:
    """One command with all that it needs, as a wall gets it."""

    argv: tuple[str, ...]
    files: Files
    env: Mapping[str, str]
    stdin: bytes | None
    limits: Limits
    mounts: Mapping[str, Path]
    collect: tuple[str, ...] = ()
    cwd: str = "."
    sockets: Path | None = None
    bridge: Mapping[str, int] = field(default_factory=dict)


class Jail:
    """A wall around commands of a submission. One jail serves any number of commands, from any thread.

    Walls derive from it and write `_start`; the rest is the same for all.

    Attributes:
        name: "bubblewrap", "docker" or "process".
        notice: what the person must know about this wall, or an empty string.
        tried: why each wall that goes before it does not work here.
    """

    name: str = "none"
    notice: str = ""
    tried: tuple[str, ...] = ()

    def run(
        self,
        argv: Sequence[str],
        *,
        files: Files = None,
        env: Mapping[str, str] | None = None,
        stdin: bytes | None = None,
        limits: Limits | None = None,
        mounts: Mapping[str, Path] | None = None,
        collect: Sequence[str] = (),
        cwd: str = ".",
    ) -> Finished:
        """Run a command in a fresh jail to its end, then kill whatever it left behind.

        Args:
            argv: the command; its first word is looked up on the jail's ``PATH``, where ``python`` is the course's.
            files: what is copied into ``/job``.
            env: variables beside the jail's own few.
            stdin: bytes that it can read; its standard input is empty without them.
            limits: what it may use.
            mounts: read-only views, absolute path inside → path of the host.
            collect: files or folders under ``/job`` to bring back, at most ``Limits.disk_mb`` and 64 MiB in all.
                Links are not followed. Nothing comes back from a command that a limit killed.
            cwd: the folder under ``/job`` to start in.

        Raises:
            FilesRefused: the files are too large or one has a name that leads out of the folder.
            JailError: the jail could not be set up; the command has not run.
        """
        from sandbox.jail.supervisor import Supervisor

        task = make_task(argv, files, env, stdin, limits, mounts, collect=collect, cwd=cwd)
        return Supervisor(lambda: self._start(task), task, self).run()

    @contextmanager
    def serve(
        self,
        argv: Sequence[str],
        *,
        files: Files = None,
        env: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        mounts: Mapping[str, Path] | None = None,
        socket: str = "http.sock",
        bridge: Mapping[str, int] | None = None,
        ready: str | None = "/healthz",
        ready_timeout_s: float = 30.0,
        cwd: str = ".",
    ) -> Iterator[Service]:
        """Run a service for as long as the ``with`` block lasts; then it is killed whole.

        Args:
            socket: the name of the unix socket in ``$JAIL_SOCKETS`` on which it answers HTTP.
            bridge: for what listens on TCP only: name of a socket → port on the jail's loopback. The socket appears
                when the port accepts connections.
            ready: the path that answers with a 2xx status once the service is ready, or None: wait for the socket only.
            ready_timeout_s: seconds that it may take to become ready.

        Raises:
            ServiceDied: it ended before it was ready.
            ServiceNotReady: it was not ready in time.
            JailError: the jail could not be set up.
        """
        from sandbox.jail.service import serving

        task = make_task(argv, files, env, None, limits, mounts, cwd=cwd, bridge=bridge)
        with serving(self, task, socket=socket, ready=ready, ready_timeout_s=ready_timeout_s) as service:
            yield service

    def close(self) -> None:
        """Kill every command of this jail that still runs; safe to call twice and from any thread."""
        from sandbox.jail.supervisor import kill_all

        kill_all(self)

    def __enter__(self) -> Jail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, task: Task) -> Started:
        raise NotImplementedError


def make_task(
    argv: Sequence[str],
    files: Files,
    env: Mapping[str, str] | None,
    stdin: bytes | None,
    limits: Limits | None,
    mounts: Mapping[str, Path] | None,
    *,
    collect: Sequence[str] = (),
    cwd: str = ".",
    bridge: Mapping[str, int] | None = None,
) -> Task:
    """Check what a caller passed, so that no wall has to.

    Raises:
        ValueError: no command, a NUL byte, a path that is not of the form asked for.
    """
    if isinstance(argv, str) or not argv:
        raise ValueError("argv must be a list with at least one word")
    for word in (*argv, *(env or {}), *(env or {}).values()):
        if "\0" in word:
            raise ValueError(f"a NUL byte in {word!r}")
    for name in env or {}:
        if not name or "=" in name:
            raise ValueError(f"not a name for an environment variable: {name!r}")
    for path in (cwd, *collect):
        if path.startswith(("/", "-")) or ".." in path.split("/") or "\0" in path or not path:
            raise ValueError(f"not a path under the working folder: {path!r}")
    for inside in mounts or {}:
        if not inside.startswith("/") or ".." in inside.split("/") or inside.rstrip("/") in ("", JOB, "/proc", "/dev"):
            raise ValueError(f"not a place to mount on: {inside!r}")
    for socket, port in (bridge or {}).items():
        check_socket_name(socket)
        if not 0 < port < 65536:
            raise ValueError(f"not a port: {port}")
    return Task(
        argv=tuple(argv),
        files=files,
        env=dict(env or {}),
        stdin=stdin,
        limits=limits or Limits(),
        mounts={inside.rstrip("/"): Path(host).absolute() for inside, host in (mounts or {}).items()},
        collect=tuple(collect),
        cwd=cwd,
        bridge=dict(bridge or {}),
    )


def check_socket_name(name: str) -> str:
    """Return ``name`` where it is a plain file name.

    Raises:
        ValueError: it is not.
    """
    if not name or "/" in name or name.startswith(".") or not name.isascii() or len(name) > 60 or ":" in name:
        raise ValueError(f"not a name for a socket: {name!r}")
    return name
