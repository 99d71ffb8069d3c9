"""Stops (SIGSTOP) every process that descends from process 1 of the container whose processes it shares.

What the engine starts in that container later, a health check say, has no parent in there and goes on running.
"""

import contextlib
import os
import signal
import sys
import time
from pathlib import Path


def table():
    """State and parent of each process, by number."""
    found = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = file.read_text()
        except OSError:
            continue  # it is gone
        state, parent = text[text.rindex(")") + 2 :].split()[:2]
        found[int(file.parent.name)] = (state, int(parent))
    return found


def descends(pid, processes):
    while pid in processes and pid != 1:
        pid = processes[pid][1]
    return pid == 1


deadline = time.monotonic() + 30
while time.monotonic() < deadline:
    processes = table()
    moving = [pid for pid, (state, _) in processes.items() if state not in "TtZX" and descends(pid, processes)]
    if not moving:
        sys.exit(0)
    for pid in moving:
        if pid != 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
    time.sleep(0.1)
sys.exit(f"these do not stop: {moving}")
