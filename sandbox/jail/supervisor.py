"""Watches one jailed command: keeps what it prints, holds it to its limits, kills it whole, says how it ended."""

from __future__ import annotations

import atexit
import os
import selectors
import signal
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.jail.files import COLLECT_BYTES, collected
from sandbox.jail.interface import JOB, LOADED, OUTPUT_BYTES, SOCKETS, Finished, JailError, Task
from sandbox.jail.launcher import READY
from sandbox.jail.usage import Usage, folder_bytes

if TYPE_CHECKING:
    from sandbox.jail.interface import Jail

SAMPLE_S = 0.1
DRAIN_S = 0.5
"""How long output may still arrive when everything is dead: only a wall without namespaces needs it."""

KILL_S = 20.0
"""How long killed processes may take to be gone."""

SOCKETS_BYTES = 16 << 20
"""How much may lie in the folder of the sockets, the only one of the host's that a jail can write to."""


class Started(ABC):
    """A command that a wall has started. The supervisor closes the streams."""

    def __init__(self, stdout: int, stderr: int, control: int | None) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.control = control

    @abstractmethod
    def poll(self) -> int | None:
        """The exit status as a shell has it (128 + n for signal n), or None while the command runs."""

    @abstractmethod
    def kill(self) -> None:
        """Kill every process behind the wall, at once; safe to call again and after the end."""

    @abstractmethod
    def signal(self, number: int) -> None:
        """Send a signal to the command itself; nothing happens where it has ended."""

    @abstractmethod
    def usage(self) -> Usage | None:
        """What all processes behind the wall use now; None where this wall holds the limits by other means."""

    def measure(self) -> Usage | None:
        """The same, looked up on request and so allowed to take its time."""
        return self.usage()

    @abstractmethod
    def tidy(self) -> None:
        """Remove what the wall made for this command; called once, after the end."""

    def wait_handle(self) -> int | None:
        """A file descriptor that becomes readable when the command ends, or None: then it is polled."""
        return None

    def disk(self) -> str:
        """How full the writable places are, as `sandbox.jail.usage.disk_state` says it, where that can be seen."""
        return ""

    def folders(self) -> list[Path]:
        """Folders of the host that the jail can write to: their size is watched."""
        return []

    def connect(self, name: str, timeout_s: float | None) -> socket.socket | None:
        """A connection to a unix socket inside, where the wall has a way of its own for it."""
        return None

    def reason(self) -> str | None:
        """Which limit the wall itself saw at the end, where it can tell."""
        return None

    def laid_out(self) -> bool:
        """Whether everything was in its place before the command began, where the control stream does not say so."""
        return True

    def leftover(self) -> bytes:
        """Collected files, where they do not come over the control stream."""
        return b""


def own_places(task: Task) -> tuple[str, ...]:
    """The places inside that lie on file systems of the jail's own."""
    places = (JOB, "/tmp", "/dev/shm")
    return places if task.sockets is not None else (*places, SOCKETS)


class Supervisor:
    """Runs one task to its end, in the calling thread (`run`) or in one of its own (`begin`, then `wait`)."""

    def __init__(self, start: Callable[[], Started], task: Task, jail: Jail) -> None:
        self._start = start
        self.task = task
        self.jail = jail
        self._lock = threading.Lock()
        self._why_killed: str | None = None
        self._result: Future[Finished] = Future()
        self._began = 0.0
        self.started: Started | None = None
        self._ended = False

    def run(self) -> Finished:
        self._launch()
        self._watch()
        return self._result.result()

    def begin(self) -> None:
        """Start the task and watch it from a thread."""
        self._launch()
        threading.Thread(target=self._watch, name="jail", daemon=True).start()

    def wait(self, timeout_s: float | None = None) -> Finished | None:
        """How it ended, or None where it still runs after ``timeout_s`` seconds.

        Raises:
            JailError: the jail failed.
        """
        try:
            return self._result.result(timeout_s)
        except TimeoutError:
            return None

    def kill(self, why: str = "killed") -> None:
        """Kill everything behind the wall; the first reason given stays."""
        with self._lock:
            if self.started is None or self._ended:
                return
            self._why_killed = self._why_killed or why
            self.started.kill()

    def signal(self, number: int) -> None:
        with self._lock:
            if self.started is not None and not self._ended:
                self.started.signal(number)

    def usage(self) -> Usage | None:
        with self._lock:
            return None if self.started is None or self._ended else self.started.measure()

    def _launch(self) -> None:
        self._began = time.monotonic()
        # A process dies with the *thread* that started it (PR_SET_PDEATHSIG), so one thread that never ends starts all.
        starting = _spawner().submit(self._start)
        try:
            started = starting.result()
        except (KeyboardInterrupt, SystemExit):
            starting.add_done_callback(_throw_away)
            raise
        self.started = started
        _running.add(self)

    def _watch(self) -> None:
        assert self.started is not None
        watch = _Watch(self, self.started)
        try:
            finished = watch.to_the_end()
        except BaseException as error:
            self._end(watch)
            self._result.set_exception(error)
            if not isinstance(error, JailError):
                raise
        else:
            self._end(watch)
            self._result.set_result(finished)

    def _end(self, watch: _Watch) -> None:
        assert self.started is not None
        with self._lock:
            self._ended = True
            self.started.kill()
            watch.close()
            self.started.tidy()
        _running.discard(self)

    @property
    def began(self) -> float:
        return self._began

    @property
    def why_killed(self) -> str | None:
        return self._why_killed


class _Stream:
    """One stream of a command: the first bytes are kept, the rest is only read."""

    def __init__(self, descriptor: int, keep: int) -> None:
        self.descriptor = descriptor
        self.keep = keep
        self.data = bytearray()
        self.over = False
        self.open = True

    def read(self) -> None:
        try:
            data = os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.open = False
            return
        room = self.keep - len(self.data)
        self.data += data[:room]
        if len(data) > room:
            self.over = True
            # A flood gets a slow reader: otherwise throwing it away would take a whole core from the judge.
            time.sleep(0.001)


class _Watch:
    def __init__(self, supervisor: Supervisor, started: Started) -> None:
        self.supervisor = supervisor
        self.started = started
        self.task = supervisor.task
        self.stdout = _Stream(started.stdout, OUTPUT_BYTES)
        self.stderr = _Stream(started.stderr, OUTPUT_BYTES)
        self.streams = [self.stdout, self.stderr]
        self.control: _Stream | None = None
        if started.control is not None:
            most = min(COLLECT_BYTES, self.task.limits.disk_mb << 20) + (1 << 20)
            self.control = _Stream(started.control, most)
            self.streams.append(self.control)
        self.peak = Usage()
        self.disk_full = False
        self.waited: Mapping[int, float] = {}
        self.extra_s = 0.0
        self.sampled = supervisor.began
        self.selector = selectors.DefaultSelector()
        for stream in self.streams:
            os.set_blocking(stream.descriptor, False)
            self.selector.register(stream.descriptor, selectors.EVENT_READ, stream)
        self.handle = started.wait_handle()
        if self.handle is not None:
            self.selector.register(self.handle, selectors.EVENT_READ, None)

    def to_the_end(self) -> Finished:
        next_sample = self.supervisor.began + SAMPLE_S
        give_up: float | None = None
        while (status := self.started.poll()) is None:
            now = time.monotonic()
            deadline = self.supervisor.began + self.task.limits.timeout_s + self.extra_s
            if now >= deadline and not self.supervisor.why_killed:
                self.supervisor.kill("time")
            if self.supervisor.why_killed:
                give_up = give_up or now + KILL_S
                if now > give_up:
                    raise JailError(f"processes of {self.task.argv[0]!r} are still there {KILL_S:g} s after the kill")
            elif now >= next_sample:
                self.take_sample()
                next_sample = time.monotonic() + SAMPLE_S
            self.read(max(0.0, min(next_sample, deadline) - now) if not self.supervisor.why_killed else 0.05)
        ended = time.monotonic()
        # The command has ended; whatever it left behind ends now, and so its streams.
        self.started.kill()
        while any(stream.open for stream in self.streams) and time.monotonic() < ended + DRAIN_S:
            self.read(0.02)
        return self.finished(status, ended - self.supervisor.began)

    def read(self, timeout_s: float) -> None:
        if self.handle is None:
            timeout_s = min(timeout_s, 0.01)
        for key, _ in self.selector.select(timeout_s):
            stream = key.data
            if stream is None:
                self.selector.unregister(key.fd)
                continue
            stream.read()
            if not stream.open:
                self.selector.unregister(key.fd)

    def take_sample(self) -> None:
        limits = self.task.limits
        disk = self.started.disk()
        self.disk_full = self.disk_full or disk == "full"
        written = sum(map(folder_bytes, self.started.folders()))
        sockets = folder_bytes(self.task.sockets) if self.task.sockets is not None else 0
        if disk == "too many files" or sockets > SOCKETS_BYTES or written > COLLECT_BYTES + SOCKETS_BYTES:
            self.supervisor.kill("disk")
        used = self.started.usage()
        if used is None:
            return
        self.count_waiting(used)
        self.peak = Usage(
            max(used.memory_bytes, self.peak.memory_bytes),
            max(used.cpu_s, self.peak.cpu_s),
            max(used.threads, self.peak.threads),
        )
        if used.memory_bytes > limits.memory_mb << 20:
            self.supervisor.kill("memory")
        elif used.cpu_s > limits.cpu_seconds + 1:
            self.supervisor.kill("cpu")

    def count_waiting(self, used: Usage) -> None:
        """Put the deadline off by the time in which the command stood ready to run and was not let.

        A loaded machine would otherwise stop right work. What sleeps has no such time; what keeps the processors busy
        itself meets the limit on CPU time.
        """
        now = time.monotonic()
        waited = sum(max(0.0, seconds - self.waited.get(thread, 0.0)) for thread, seconds in used.waited_s.items())
        most = self.task.limits.timeout_s * (LOADED - 1)
        self.extra_s = min(most, self.extra_s + min(waited, now - self.sampled))
        self.waited, self.sampled = used.waited_s, now

    def finished(self, status: int, duration_s: float) -> Finished:
        why = self.supervisor.why_killed
        files: dict[str, bytes] = {}
        incomplete = False
        stderr = self.stderr.data.decode(errors="replace")
        if self.control is not None:
            ready, archive = bytes(self.control.data[: len(READY)]), bytes(self.control.data[len(READY) :])
            if ready != READY and not why:
                raise JailError(f"the jail could not be set up (status {status}): {stderr.strip()[-2000:]}")
        else:
            archive = b"" if why else self.started.leftover()
            if not why and not self.started.laid_out():
                raise JailError(f"the jail could not be set up (status {status}): {stderr.strip()[-2000:]}")
        if self.task.collect and archive and not why:
            files, incomplete = collected(archive, self.task.collect)
        number: int | None = None
        if why:
            number = int(signal.SIGKILL)
        elif 128 < status <= 128 + 64:
            number = status - 128
        return Finished(
            argv=self.task.argv,
            exit_status=None if number else status,
            signal=number,
            stdout=self.stdout.data.decode(errors="replace"),
            stderr=stderr,
            duration_s=duration_s,
            timed_out=why == "time",
            truncated=incomplete or any(stream.over for stream in self.streams),
            limit=self.limit(why, number, status),
            files=files,
        )

    def limit(self, why: str | None, number: int | None, status: int) -> str | None:
        limits = self.task.limits
        if why in ("time", "memory", "cpu", "disk"):
            return why
        if seen := self.started.reason():
            return seen
        if number == signal.SIGXCPU:
            return "cpu"
        if number == signal.SIGXFSZ:
            return "file"
        if status == 0:
            return None
        if number == signal.SIGKILL and self.peak.cpu_s >= limits.cpu_seconds:
            return "cpu"
        if self.peak.threads >= limits.processes:
            return "processes"
        if self.peak.memory_bytes > 0.9 * (limits.memory_mb << 20):
            return "memory"
        return "disk" if self.disk_full else None

    def close(self) -> None:
        self.selector.close()
        for stream in self.streams:
            with suppress(OSError):
                os.close(stream.descriptor)


_running: set[Supervisor] = set()
_one_spawner: ThreadPoolExecutor | None = None
_spawner_lock = threading.Lock()


def _spawner() -> ThreadPoolExecutor:
    global _one_spawner
    with _spawner_lock:
        if _one_spawner is None:
            _one_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jail-spawner")
        return _one_spawner


def _forget_after_fork() -> None:
    """A forked child has neither the spawner's thread nor a right to the parent's jails."""
    global _one_spawner, _spawner_lock
    _one_spawner = None
    _spawner_lock = threading.Lock()
    _running.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


def _throw_away(starting: Future[Started]) -> None:
    if starting.exception() is None:
        started = starting.result()
        started.kill()
        while started.poll() is None:
            time.sleep(0.01)
        started.tidy()


def kill_all(jail: Jail | None = None) -> None:
    """Kill everything alive behind one jail, or behind all of them."""
    for supervisor in list(_running):
        if jail is None or supervisor.jail is jail:
            supervisor.kill()


atexit.register(kill_all)
