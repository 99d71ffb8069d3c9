"""Workers that start at once: a process that has imported what every run needs, and forks a worker for each.

Half of what a small lab costs is Python importing pytest. For a class it is paid once for each thread of the judge, not
once for each submission. A run still has a process of its own, which shares nothing with the one before.

``Prefork`` is the judge's side; run as a module, this is the process that forks.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from typing import Any, NoReturn

from sandbox.jail import JailUnavailable

RUN, STATUS = b"run", b"status"
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

    def start(self, job: dict[str, Any], log: Any, events: int, env: dict[str, str]) -> Forked:
        """Start a worker on a job; it writes its events to ``events`` and prints to ``log``.

        Raises:
            ConnectionError: the process that forks was lost, which the next call mends.
        """
        channel = self._ready(env)
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

    def _ready(self, env: dict[str, str]) -> socket.socket:
        if self._process and self._process.poll() is not None:
            self.close()
        if self._channel is None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "sandbox.grading.prefork", str(theirs.fileno())],
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


def main() -> int:
    """Fork a worker for each message, until the judge closes its end."""
    _warm_up()
    channel, child = socket.socket(fileno=int(sys.argv[1])), 0
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 16, 3)
        if message == RUN:
            if child:
                os.waitpid(child, 0)
            child = os.fork()
            if child == 0:
                channel.close()
                _work(*descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
            channel.sendall(str(child).encode())
        elif message == STATUS:
            seen = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
            assert seen
            channel.sendall(str(seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status).encode())
        else:
            _end(child)
            return 0


def _work(job: int, log: int, events: int) -> NoReturn:
    from sandbox.grading import worker

    os.setsid()
    for stream in (1, 2):
        os.dup2(log, stream)
    status = 130
    try:
        with os.fdopen(job, "rb") as file:
            status = worker.run(json.load(file), events)
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt):
            traceback.print_exc()
    # What was asked to be done at the end is done; taking the interpreter itself apart would cost more than the run.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _warm_up() -> None:
    # A run of nothing and a jail, so that what both look up once is known; a worker's pytest starts anew all the same.
    import pytest

    from sandbox.grading import worker  # noqa: F401
    from sandbox.jail.bubblewrap import BubblewrapJail

    with tempfile.TemporaryDirectory(prefix="warm-") as name:
        fenced = [name, "--noconftest", "-c", os.devnull, f"--rootdir={name}", f"--confcutdir={name}"]
        pytest.main([*fenced, "-q", "-p", "no:cacheprovider"])
    with contextlib.suppress(JailUnavailable, OSError):
        BubblewrapJail().close()
    gc.collect()
    gc.freeze()


def _end(child: int) -> None:
    """The judge is gone: the worker gets a moment to end what it has in the jail."""
    if not child:
        return
    for number, patience_s in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if os.waitpid(child, os.WNOHANG)[0]:
                return
            time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
