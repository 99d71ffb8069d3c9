"""What is written down about a running stack: one small JSON file a process, one for the whole, and a lock.

A process is known by its id *and* the time it was created, since ids are used again. Every write is atomic: a reader
sees the old file or the new one, and a crash leaves no half of one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from sandbox.runtime.settings import StackError

# The time of creation that the system reports for one process may differ by the resolution of its clocks.
_SAME_TIME_S = 2.0


@dataclass(frozen=True)
class ProcessRecord:
    """One process that we started.

    Attributes:
        created: seconds since the epoch, as the system tells it.
        port: where it was told to listen.
        ready: it has answered once since it was started.
    """

    name: str
    pid: int
    created: float
    port: int
    fingerprint: str
    command: tuple[str, ...]
    started_at: float
    ready: bool = False

    def process(self) -> psutil.Process | None:
        """The process, or None where it is gone (or its id belongs to another one by now)."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < _SAME_TIME_S
            # In a container without an init, a dead process stays as a zombie: it is dead all the same.
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


@dataclass(frozen=True)
class StackRecord:
    """What `start` was asked for last."""

    runtime: str
    profiles: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    reason: str = ""


class Records:
    """The files below ``.sandbox/run``."""

    def __init__(self, state: Path) -> None:
        self.folder = state / "run"
        self._lock_file = state / "lock"
        self._held = threading.local()

    def stack(self) -> StackRecord | None:
        found = _read(self.folder / "stack.json")
        if found is None:
            return None
        try:
            left_out = tuple((str(name), str(why)) for name, why in found["left_out"])
            return StackRecord(str(found["runtime"]), tuple(found["profiles"]), left_out, str(found["reason"]))
        except (KeyError, TypeError, ValueError):
            return None

    def write_stack(self, record: StackRecord | None) -> None:
        path = self.folder / "stack.json"
        if record is None:
            path.unlink(missing_ok=True)
        else:
            _write(path, asdict(record))

    def process(self, name: str) -> ProcessRecord | None:
        """The record of a unit's process; a file that cannot be read counts as none."""
        found = _read(self._path(name))
        if found is None:
            return None
        try:
            return ProcessRecord(**{**found, "command": tuple(found["command"])})
        except (KeyError, TypeError):
            return None

    def write_process(self, record: ProcessRecord) -> None:
        _write(self._path(record.name), asdict(record))

    def forget_process(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Units that have a process record."""
        return sorted(path.stem.removeprefix("process-") for path in self.folder.glob("process-*.json"))

    @contextlib.contextmanager
    def lock(self, waiting: Callable[[str], None], limit_s: float = 900.0) -> Iterator[None]:
        """Hold the stack alone; calls ``waiting`` once with who holds it. Nested use by one thread is fine.

        The kernel lets go of the lock when its holder ends, however it ends, so it is never stale.
        """
        if getattr(self._held, "depth", 0):
            yield
            return
        self._lock_file.parent.mkdir(parents=True, exist_ok=True)
        with self._lock_file.open("a+", encoding="utf-8") as file:
            self._acquire(file, waiting, limit_s)
            self._held.depth = 1
            try:
                file.seek(0)
                file.truncate()
                file.write(f"{os.getpid()}\n")
                file.flush()
                yield
            finally:
                self._held.depth = 0

    def _acquire(self, file: Any, waiting: Callable[[str], None], limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        told = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "unknown"
            if time.monotonic() > deadline:
                raise StackError(
                    f"Another `lab start` or `lab stop` (process {holder}) has held the sandbox for {limit_s:.0f} s.",
                    f"Wait for it, or end it with `kill {holder}`, and try again.",
                )
            if not told:
                waiting(f"another `lab start` or `lab stop` is at work (process {holder}): waiting for it")
                told = True
            time.sleep(0.1)

    def _path(self, name: str) -> Path:
        return self.folder / f"process-{name}.json"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _write(path: Path, value: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
