"""A time limit counts what a command did and slept, not what a loaded machine kept from it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox.jail import Jail, Limits
from sandbox.jail.interface import LOADED
from sandbox.jail.usage import sample

# Stays on one processor, says so, and works.
BUSY = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(flush=True)\nwhile True: pass"
# Works for a second of CPU time on that same processor.
A_SECOND = """
import os, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
while time.process_time() < 1: pass
print("done")
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="the kernel does not tell who waits")


@pytest.fixture
def crowd():
    """Two that keep one processor busy, so that whoever joins them has a third of it."""
    crowd = [subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE) for _ in range(2)]
    for one in crowd:
        assert one.stdout
        one.stdout.readline()
    yield [one.pid for one in crowd]
    for one in crowd:
        one.kill()
        one.wait()
        assert one.stdout
        one.stdout.close()


def test_who_waits_for_a_processor_is_seen(crowd: list[int]) -> None:
    deadline = time.monotonic() + 30
    while sum(sample(crowd).waited_s.values()) < 0.2:
        assert time.monotonic() < deadline, "two that share a processor never wait"
        time.sleep(0.05)
    assert set(sample(crowd).waited_s) == set(crowd)


def test_a_loaded_machine_does_not_stop_right_work(crowd: list[int], jail: Jail) -> None:
    # It needs some three seconds; in one and a half it would have been stopped without the load being seen.
    finished = jail.run(["python", "-c", A_SECOND], limits=Limits(timeout_s=1.5, cpu_s=30))
    assert (finished.exit_status, finished.stdout) == (0, "done\n") or finished.duration_s > 1.5 * LOADED * 0.9


@pytest.mark.parametrize("sleeps", ["time.sleep(60)", "while True: time.sleep(0.001)"])
def test_what_sleeps_is_stopped_in_its_time(jail: Jail, sleeps: str) -> None:
    finished = jail.run(["python", "-c", f"import time\n{sleeps}"], limits=Limits(timeout_s=0.5))
    assert finished.timed_out
    assert finished.limit == "time"


def test_many_that_only_keep_each_other_from_working_are_stopped(jail: Jail) -> None:
    forks = "import os\nfor _ in range(4): os.fork() or print(end='')\nwhile True: pass"
    started = time.monotonic()
    finished = jail.run(["python", "-c", forks], limits=Limits(timeout_s=1, cpu_s=2))
    assert finished.limit in ("cpu", "time")
    assert finished.exit_status is None
    assert time.monotonic() - started < LOADED + 30, f"on {os.cpu_count()} cores"
