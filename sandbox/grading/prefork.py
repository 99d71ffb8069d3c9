"""Workers that start at once: a process that has collected a lab's checks, and forks a worker for each submission.

Most of what a small lab costs is Python importing pytest, and pytest setting itself up. For a class both are paid once
for each thread of the judge, not once for each submission. A run still has a process of its own, which shares nothing
with the one before; the process that forks sees no submission.

This is the judge's side; `sandbox.grading.forkserver` is the process that forks.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Any

RUN, STATUS = b"run", b"status"
SHARED = ("course", "lab", "digest", "private", "only")
"""The parts of a job on which the collected checks depend: where one of them differs, another process forks."""

WARM_UP_S = 120.0
AVAILABLE = hasattr(os, "pidfd_open")
"""Whether this system can wait for a process that is not its own child; where not, each run starts its worker itself."""


class Forked:
    """One worker, with the part of ``subprocess.Popen`` that a run uses."""

    def __init__(self, channel: socket.socket, pid: int) -> None:
        self.pid = pid
        self._channel = channel
        self._status: int | None = None
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._look(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(["worker"], timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        # By handle, and its zombie is kept until the next run: the number can mean nobody else.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def _look(self, timeout: float | None) -> int | None:
        if self._status is None and select.select([self._handle], [], [], timeout)[0]:
            os.close(self._handle)
            self._status = int(_answer(self._channel, STATUS))
        return self._status


class Prefork:
    """The process that forks, started at the first run and again when it was lost. For one run at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._shared: dict[str, Any] = {}

    def start(self, job: dict[str, Any], log: Any, events: int, env: dict[str, str]) -> Forked:
        """Start a worker on a job; it writes its events to ``events`` and prints to ``log``.

        Raises:
            ConnectionError: the process that forks was lost, which the next call mends.
        """
        channel = self._ready({name: job[name] for name in SHARED}, env)
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(job).encode())
            file.seek(0)
            try:
                pid = _answer(channel, RUN, [file.fileno(), log.fileno(), events])
            except OSError:
                self.close()
                raise
        return Forked(channel, int(pid))

    def close(self) -> None:
        """End it, and the worker that it may have left."""
        if self._channel:
            self._channel.close()
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=15)
            self._process.kill()
            self._process.wait()
        self._process = self._channel = None

    def _ready(self, shared: dict[str, Any], env: dict[str, str]) -> socket.socket:
        if shared != self._shared or (self._process and self._process.poll() is not None):
            self.close()
            self._shared = shared
        if self._channel is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "sandbox.grading.forkserver", str(theirs.fileno()), json.dumps(shared)],
                    pass_fds=(theirs.fileno(),), env=env, start_new_session=True, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
            self._channel = ours
        return self._channel


def _answer(channel: socket.socket, question: bytes, descriptors: list[int] | None = None) -> bytes:
    channel.settimeout(WARM_UP_S)
    try:
        socket.send_fds(channel, [question], descriptors or [])
        answer = channel.recv(32)
    except TimeoutError:
        raise ConnectionError("the process that starts the workers does not answer") from None
    if not answer:
        raise ConnectionError("the process that starts the workers was lost")
    return answer
