"""What a command costs with all that it starts: CPU seconds by the kernel's own account, and the peak memory of one process.

A jail's processes are killed whole, so nobody waits for them and ``getrusage`` never sees their time. A control group does.
Where none can be made (no root, no such kernel), CPU time is not measured.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import psutil

T = TypeVar("T")
_OLD, _NEW = Path("/sys/fs/cgroup/cpuacct"), Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Cost:
    """Seconds of the clock, seconds of CPU (None where it cannot be told), megabytes of the first process at its peak."""

    seconds: float
    cpu_s: float | None
    peak_mb: float = 0.0


class Group:
    """A control group; what is started in it is counted, and what that starts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._usage = path / ("cpuacct.usage" if path.is_relative_to(_OLD) else "cpu.stat")

    def enter(self) -> None:
        """Move the calling process into it; for use between fork and exec."""
        (self._path / "cgroup.procs").write_text(str(os.getpid()))

    def leave(self) -> None:
        """Move the calling process back to where all processes begin."""
        (self._path.parent / "cgroup.procs").write_text(str(os.getpid()))

    @property
    def cpu_s(self) -> float:
        text = self._usage.read_text()
        return int(text) / 1e9 if self._usage.name == "cpuacct.usage" else int(text.split()[1]) / 1e6


@contextmanager
def group() -> Iterator[Group | None]:
    """A group of its own for the time of the block."""
    base = _OLD if _OLD.is_dir() else _NEW
    path = base / f"bench-{uuid4().hex[:8]}"
    try:
        path.mkdir()
    except OSError:
        yield None
        return
    try:
        yield Group(path)
    finally:
        for _ in range(100):
            try:
                path.rmdir()
                break
            except OSError:  # what was killed takes a moment to go
                time.sleep(0.1)


def call(function: Callable[[Path], T], argument: Path) -> tuple[Cost, T]:
    """What a function costs with all that it starts, and what it gives: this process is in the group as long as it runs."""
    with group() as counted:
        if counted:
            counted.enter()
        began = time.perf_counter()
        try:
            value = function(argument)
        finally:
            seconds, cpu_s = time.perf_counter() - began, counted.cpu_s if counted else None
            if counted:
                counted.leave()
    return Cost(seconds, cpu_s), value


def run(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, status: int = 0) -> Cost:
    """Run a command to its end.

    Raises:
        RuntimeError: it ended with another exit status.
    """
    with group() as counted:
        began, peak = time.perf_counter(), 0
        process = subprocess.Popen(
            argv, env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            preexec_fn=counted.enter if counted else None,
        )  # fmt: skip
        seen = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, seen.memory_info().rss)
            except psutil.Error:
                break
            time.sleep(0.05)
        _, errors = process.communicate()
        seconds = time.perf_counter() - began
        if process.returncode != status:
            raise RuntimeError(f"{argv[0]}: exit status {process.returncode}\n{errors.decode()[-2000:]}")
        return Cost(seconds, counted.cpu_s if counted else None, peak / 1e6)
