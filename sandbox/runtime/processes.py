"""Units as processes of the host: start, tell, stop.

Each process leads a session of its own, so that neither Ctrl-C at the terminal nor its closing reaches it, and is
stopped together with its children. It bears a mark in its environment, by which it is found even where its record was
lost (a start that was killed between the spawn and the writing).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace

import psutil

from sandbox.runtime import ports
from sandbox.runtime.records import ProcessRecord, Records
from sandbox.runtime.settings import Settings, StackError
from sandbox.runtime.status import Condition, UnitStatus
from sandbox.runtime.units import Unit

MARK = "SANDBOX_UNIT"
STOP_S = 35.0
"""Longer than the model service lets requests in flight take after SIGTERM."""
_LOG_BYTES = 5_000_000
_POLL_S = 0.05


class Processes:
    """The units of one checkout that run as processes."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self.settings, self.records = settings, records

    def status(self, unit: Unit) -> UnitStatus:
        """What is true of the unit now."""
        record = self.records.process(unit.name)
        if record is None:
            return self._told(unit, "stopped")
        pid, since = record.pid, record.started_at
        if record.process() is None:
            return self._told(unit, "died", detail=f"its process {pid} is gone", since=since)
        # It listens where it was told to, whatever the settings say by now.
        unit = replace(unit, port=record.port)
        if ports.answers(unit.port, unit.ready):
            return self._told(unit, "running", pid=pid, since=since)
        if not record.ready and time.time() - since < unit.wait_s:
            return self._told(unit, "starting", pid=pid, since=since)
        detail = f"process {pid} is there, but {unit.url}{unit.ready} does not answer"
        return self._told(unit, "unhealthy", pid=pid, since=since, detail=detail)

    def is_current(self, unit: Unit) -> bool:
        """Does it run, answer, and run as it is described now?"""
        record = self.records.process(unit.name)
        return record is not None and record.fingerprint == unit.fingerprint() and self.status(unit).state == "running"

    def start(self, unit: Unit) -> None:
        """Start one unit whose port is free; returns at once. See :meth:`wait`."""
        assert unit.command is not None
        argv = unit.command.argv()
        ports.require_free(unit.variable, unit.port, unit.title)
        log = self.settings.logs / f"{unit.name}.out"
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".out.1"))
        for folder in unit.folders:
            folder.mkdir(parents=True, exist_ok=True)
        env = {**os.environ, **unit.command.env, MARK: self._mark(unit), "PYTHONUNBUFFERED": "1"}
        with log.open("ab") as out:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=self.settings.root,
                start_new_session=True,
            )
        try:
            created = psutil.Process(process.pid).create_time()
        except psutil.Error:
            created = time.time()
        record = ProcessRecord(
            unit.name, process.pid, created, unit.port, unit.fingerprint(), tuple(argv), started_at=time.time()
        )
        self.records.write_process(record)

    def wait(self, unit: Unit) -> None:
        """Wait until the unit answers.

        Raises:
            StackError: it ended, or did not answer in its time; carries the end of its output.
        """
        record = self.records.process(unit.name)
        deadline = time.monotonic() + unit.wait_s
        while record is not None and time.monotonic() < deadline:
            process = record.process()
            if process is None:
                break
            if ports.answers(unit.port, unit.ready):
                self.records.write_process(replace(record, ready=True))
                return
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(_POLL_S)
        log = self.settings.logs / f"{unit.name}.out"
        ended = record is None or record.process() is None
        what = (
            "ended while it started"
            if ended
            else f"did not answer at {unit.url}{unit.ready} within {unit.wait_s:.0f} s"
        )
        raise StackError(f"{unit.title} {what}. The end of {log}:\n{tail(log.read_text('utf-8', 'replace'))}")

    def stop(self, name: str) -> bool:
        """Stop a unit, and whatever of it has lost its record. True where something was running."""
        found: list[psutil.Process] = []
        record = self.records.process(name)
        if record is not None and (process := record.process()):
            found.append(process)
        found += [process for process in self._marked(name) if process not in found]
        for process in found:
            _end(process)
        self.records.forget_process(name)
        return bool(found)

    def _marked(self, name: str) -> Iterator[psutil.Process]:
        for process in psutil.process_iter():
            if process.pid != os.getpid() and self._marked_name(process) == name:
                yield process

    def _marked_name(self, process: psutil.Process) -> str:
        try:
            mark = process.environ().get(MARK, "")
            dead = process.status() == psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return ""
        folder, _, name = mark.rpartition(":")
        return name if folder == str(self.settings.state) and not dead else ""

    def _mark(self, unit: Unit) -> str:
        return f"{self.settings.state}:{unit.name}"

    def _told(self, unit: Unit, state: Condition, *, pid: int = 0, since: float = 0.0, detail: str = "") -> UnitStatus:
        log = self.settings.logs / f"{unit.name}.out"
        return UnitStatus(
            unit.name,
            unit.title,
            state,
            "process",
            unit.url,
            unit.port,
            unit.variable,
            pid=pid,
            since=since,
            detail=detail,
            log=str(log),
        )


def tail(text: str, lines: int = 15) -> str:
    """The last lines of a text, without the blanks at its end."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def _end(process: psutil.Process) -> None:
    """SIGTERM to the process and its children; SIGKILL to what is left of them after a while."""
    with contextlib.suppress(psutil.Error):
        family = [process, *process.children(recursive=True)]
        # psutil compares the time of creation before it signals: an id that is used again is never hit.
        process.terminate()
        for survivor in _left(family, STOP_S):
            with contextlib.suppress(psutil.Error):
                survivor.kill()
        _left(family, STOP_S)


def _left(family: list[psutil.Process], timeout_s: float) -> list[psutil.Process]:
    """Those that still run after the time is up; returns at once when there are none."""
    deadline = time.monotonic() + timeout_s
    while (left := [process for process in family if _runs(process)]) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return left


def _runs(process: psutil.Process) -> bool:
    """Not gone, and no zombie: where process 1 of a container is no init, a dead process stays as one for good."""
    with contextlib.suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
