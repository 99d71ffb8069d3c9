"""The process that forks workers: it has collected a lab's checks, and never sees a submission. See `sandbox.grading.prefork`."""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import random
import signal
import socket
import sys
import time
import traceback
from typing import Any

from sandbox.course import Lab
from sandbox.grading import worker
from sandbox.grading.fixtures import Run, Send
from sandbox.grading.prefork import RUN, STATUS
from sandbox.jail import JailUnavailable
from sandbox.jail.bubblewrap import BubblewrapJail


class _Forks:
    """The loop that forks. It runs where pytest has collected the checks, and goes on from there in each child."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self.forked = False
        self.send: Send

    def begin(self, lab: Lab, stack: contextlib.ExitStack) -> Run | None:
        """In a child: its run. In the process that forks: None, when the judge has closed its end."""
        with contextlib.suppress(JailUnavailable, OSError):
            # So that what a jail looks up once is known.
            BubblewrapJail().close()
        descriptors = self.fork()
        if descriptors is None:
            return None
        return worker.begin(lab, *self.job(*descriptors), stack)

    def fork(self) -> tuple[int, int, int] | None:
        """In a child: its descriptors, of the job, the log and the events. Else None."""
        gc.collect()
        gc.freeze()
        child = 0
        while True:
            message, descriptors, _, _ = socket.recv_fds(self._channel, 16, 3)
            if message == RUN:
                if child:
                    os.waitpid(child, 0)
                child = os.fork()
                if child == 0:
                    self.forked = True
                    self._channel.close()
                    return descriptors[0], descriptors[1], descriptors[2]
                for descriptor in descriptors:
                    os.close(descriptor)
                self._channel.sendall(str(child).encode())
            elif message == STATUS:
                seen = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
                assert seen
                status = seen.si_status if seen.si_code == os.CLD_EXITED else -seen.si_status
                self._channel.sendall(str(status).encode())
            else:
                _end(child)
                return None

    def job(self, job: int, log: int, events: int) -> tuple[dict[str, Any], Send]:
        """Make a worker of this child: a session, an output and random numbers of its own."""
        os.setsid()
        for stream in (1, 2):
            os.dup2(log, stream)
        random.seed()
        self.send = worker.sender(events)
        with os.fdopen(job, "rb") as file:
            return json.load(file), self.send


def main() -> int:
    """Fork a worker for each message, until the judge closes its end."""
    forks = _Forks(socket.socket(fileno=int(sys.argv[1])))
    status = 130
    try:
        status = _work(forks, json.loads(sys.argv[2]))
    except BaseException as error:
        if not forks.forked:
            raise
        if not isinstance(error, KeyboardInterrupt):
            traceback.print_exc()
    if not forks.forked:
        return status
    # What was asked to be done at the end is done; taking the interpreter itself apart would cost more than the run.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _work(forks: _Forks, shared: dict[str, Any]) -> int:
    try:
        return worker.conduct(shared, forks.begin)
    except Exception as error:
        if forks.forked:
            return worker.tell(error, forks.send)
    # The checks cannot even be collected: each worker finds that out for itself, and tells it.
    descriptors = forks.fork()
    return 0 if descriptors is None else worker.run(*forks.job(*descriptors))


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
