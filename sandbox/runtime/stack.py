"""One checkout's stack: choose a runtime, start, stop, tell. Everything that changes it holds its lock."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox import tools
from sandbox.course import Course
from sandbox.interrupts import interruptible
from sandbox.runtime.containers import Containers, EngineSilent
from sandbox.runtime.processes import Processes
from sandbox.runtime.progress import Progress, Silent
from sandbox.runtime.records import Records, StackRecord
from sandbox.runtime.settings import Settings, StackError, read_settings
from sandbox.runtime.status import Status, UnitStatus
from sandbox.runtime.units import Unit, profiles_of, read_units

RUNTIMES = ("auto", "docker", "process")
_ADDRESS = re.compile(r"\$\{SANDBOX_([A-Z]+)_ADDRESS\}")


@dataclass(frozen=True)
class Choice:
    """Which runtime, and why: one phrase."""

    runtime: str
    reason: str


class Stack:
    """The stack of one checkout, whatever it runs on."""

    def __init__(self, course: Course) -> None:
        self.settings: Settings = read_settings(course)
        self.units: tuple[Unit, ...] = read_units(self.settings)
        self._by_name = {unit.name: unit for unit in self.units}
        self.records = Records(self.settings.state)
        self.processes = Processes(self.settings, self.records)
        self.containers = Containers(self.settings)

    # --- tell ----------------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """What is true now. Changes nothing and waits for no lock."""
        record = self.records.stack()
        profiles = record.profiles if record else ()
        left_out = dict(record.left_out) if record else {}
        runtime = record.runtime if record else "process"
        units = [unit for unit in self.units if unit.belongs(profiles)]
        with self._glance(runtime):
            told = tuple(self._told(unit, runtime, left_out.get(unit.name, "")) for unit in units)
        return Status(record.runtime if record else "", record.reason if record else "", profiles, told)

    def _told(self, unit: Unit, runtime: str, left_out: str) -> UnitStatus:
        status = self._ward(unit, runtime).status(unit)
        return replace(status, state="left out", detail=left_out) if left_out and status.state == "stopped" else status

    def _glance(self, runtime: str) -> contextlib.AbstractContextManager[None]:
        """One question to the engine for all that is asked in the block, where the runtime has one."""
        return self.containers.glance() if runtime == "docker" else contextlib.nullcontext()

    # --- start ---------------------------------------------------------------------------------------------------------

    def start(self, runtime: str = "auto", profiles: Sequence[str] = (), progress: Progress | None = None) -> Status:
        """Start what is not running as described; leave the rest as it is.

        What an earlier start was asked for beside (profiles) stays. Where anything goes wrong, or the user interrupts,
        what this call has started is stopped again.

        Raises:
            StackError: an unknown runtime or profile, a taken port, a unit that does not get ready.
        """
        progress = progress or Silent()
        self._check(runtime, profiles)
        with self.records.lock(progress.note):
            before = self.records.stack()
            wanted = tuple(sorted({*profiles, *(before.profiles if before else ())}))
            if (running := self._as_asked(runtime, wanted, before)) is not None:
                return running
            units = [unit for unit in self.units if unit.belongs(wanted)]
            choice = self._choose(runtime, before, units, progress)
            if before and before.runtime != choice.runtime:
                progress.note(f"changing from runtime {before.runtime} to {choice.runtime}")
                self._stop_all()
            self._render_configuration(choice.runtime)
            units, left_out = self._leave_out(units, choice.runtime, progress)
            self.records.write_stack(StackRecord(choice.runtime, wanted, tuple(left_out.items()), choice.reason))
            started: list[Unit] = []
            try:
                with interruptible():
                    self._start(units, choice.runtime, started, progress)
            except BaseException:
                progress.note("stopping what was started")
                for unit in reversed(started):
                    self._stop_unit(unit)
                self.records.write_stack(before if before and before.runtime == choice.runtime else None)
                raise
        return self.status()

    def _as_asked(self, runtime: str, profiles: tuple[str, ...], before: StackRecord | None) -> Status | None:
        """The stack's status where all of it runs as asked, else None. Asks nobody else: a second start is quick."""
        if before is None or before.profiles != profiles or runtime not in ("auto", before.runtime):
            return None
        if before.left_out:
            return None  # what was left out may be had by now
        self._render_configuration(before.runtime)
        units = [unit for unit in self.units if unit.belongs(profiles)]
        with self._glance(before.runtime):
            status = self.status()
            current = status.healthy and all(self._ward(unit, before.runtime).is_current(unit) for unit in units)
        return status if current else None

    def _start(self, units: Iterable[Unit], runtime: str, started: list[Unit], progress: Progress) -> None:
        stale = [unit for unit in units if not self._ward(unit, runtime).is_current(unit)]
        if not stale:
            return
        hosted = [unit for unit in stale if self._in_process(unit, runtime)]
        contained = [unit for unit in stale if unit not in hosted]
        # A unit may run in the other way from an earlier time, or have lost its record: nothing of it may stay.
        for unit in stale:
            self._stop_unit(unit)
        for unit in contained:
            self.containers.build(unit, progress.note)
        if contained:
            started += contained
            progress.note(f"starting {', '.join(unit.title for unit in contained)} in Docker")
            self.containers.start(contained, progress.note)
        for unit in stale:
            if unit in hosted:
                started.append(unit)
                self.processes.start(unit)
            progress.note(f"waiting for {unit.title} at {unit.url}")
            self._ward(unit, runtime).wait(unit)

    # --- stop ----------------------------------------------------------------------------------------------------------

    def stop(self, progress: Progress | None = None, *, images: bool = False) -> list[str]:
        """Stop everything of this checkout; tells the names of what was running. ``images``: remove what was built, too."""
        progress = progress or Silent()
        with self.records.lock(progress.note):
            stopped = self._stop_all()
            return [*stopped, *self.containers.remove_images()] if images else stopped

    def _stop_all(self) -> list[str]:
        record = self.records.stack()
        # Beside the units of today, those of an older compose file that are still recorded.
        names = dict.fromkeys([*(unit.name for unit in reversed(self.units)), *self.records.names()])
        stopped = [name for name in names if self.processes.stop(name)]
        # Without a record there may still be containers: a state folder that was removed, a start that was killed.
        if record is None or record.runtime == "docker":
            try:
                stopped += self.containers.remove()
            except EngineSilent:
                if record is not None:
                    raise
        self.records.write_stack(None)
        return sorted(set(stopped))

    def _stop_unit(self, unit: Unit) -> None:
        self.processes.stop(unit.name)
        if not unit.host:
            with contextlib.suppress(EngineSilent):
                self.containers.remove([unit.name])

    # --- choose --------------------------------------------------------------------------------------------------------

    def _check(self, runtime: str, profiles: Iterable[str]) -> None:
        if runtime not in RUNTIMES:
            raise StackError(f"There is no runtime {runtime!r}.", f"Choose one of: {', '.join(RUNTIMES)}.")
        known = profiles_of(self.units)
        for profile in profiles:
            if profile not in known:
                raise StackError(f"There is no profile {profile!r}.", f"Choose from: {', '.join(sorted(known))}.")

    def _choose(self, asked: str, before: StackRecord | None, units: list[Unit], progress: Progress) -> Choice:
        if asked == "process":
            return Choice("process", "asked for")
        if asked == "auto" and before and before.runtime == "process":
            return Choice("process", before.reason)
        why_not = self._why_not_docker(units, progress)
        if asked == "docker":
            if why_not:
                raise StackError(f"The Docker runtime cannot be used: {why_not}.", "Or: lab start --runtime process")
            return Choice("docker", "asked for")
        return Choice("process", why_not) if why_not else Choice("docker", "a Docker engine answers and has the images")

    def _why_not_docker(self, units: list[Unit], progress: Progress) -> str:
        """Empty where the Docker runtime can be used; else the reason, as a phrase."""
        if not os.environ.get("DOCKER_HOST", "unix://").startswith("unix://"):
            return "DOCKER_HOST names an engine on another machine, whose ports are not this machine's"
        for tool in ("docker", "compose"):
            sighting = tools.look(tool)
            if sighting.tool is None:
                return sighting.problem.rstrip(".")
        for unit in units:
            # An image that only an optional unit needs does not decide for the whole stack.
            if not unit.host and not unit.optional and not (unit.command and unit.command.alone):
                reason = self.containers.can_have(unit, progress.note)
                if reason:
                    return reason
        return ""

    def _leave_out(self, units: list[Unit], runtime: str, progress: Progress) -> tuple[list[Unit], dict[str, str]]:
        """Units that can be had, and why each of the others cannot; raises where one of those is not optional."""
        kept: list[Unit] = []
        left_out: dict[str, str] = {}
        for unit in units:
            why_not = self._why_not(unit, runtime, progress)
            if not why_not:
                kept.append(unit)
            elif unit.optional:
                left_out[unit.name] = why_not
            else:
                raise StackError(f"{unit.title} cannot be started: {why_not}")
        return kept, left_out

    def _why_not(self, unit: Unit, runtime: str, progress: Progress) -> str:
        if not self._in_process(unit, runtime):
            return self.containers.can_have(unit, progress.note)
        if unit.command is None:
            return "it runs in the Docker runtime only"
        if not unit.command.tool:
            return ""
        sighting = tools.look(unit.command.tool)
        return "" if sighting.tool else f"{sighting.problem} {sighting.fix}"

    def _in_process(self, unit: Unit, runtime: str) -> bool:
        if unit.host or runtime == "process":
            return True
        return bool(unit.command and unit.command.alone and not self.containers.has_image(unit.image))

    def _ward(self, unit: Unit, runtime: str) -> Processes | Containers:
        return self.processes if self._in_process(unit, runtime) else self.containers

    # --- configuration -------------------------------------------------------------------------------------------------

    def _render_configuration(self, runtime: str) -> None:
        """Copy monitoring/ into the state folder with the addresses that hold in this runtime.

        A file whose content stays the same is not written, so that it keeps its time and no unit restarts for it.
        """
        source = Path(__file__).resolve().parents[1] / "stack" / "monitoring"
        target = self.settings.state / "stack" / "monitoring"
        files = [path for path in sorted(source.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
        for file in files:
            content = file.read_bytes()
            with contextlib.suppress(UnicodeDecodeError):
                content = _ADDRESS.sub(lambda match: self._address(match[1], runtime), content.decode()).encode()
            copy = target / file.relative_to(source)
            if not copy.is_file() or copy.read_bytes() != content:
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)
        if target.is_dir():
            wanted = {target / file.relative_to(source) for file in files}
            for path in sorted(target.rglob("*")):
                if path.is_file() and path not in wanted:
                    path.unlink()

    def _address(self, name: str, runtime: str) -> str:
        """``host:port`` at which the stack's parts reach a unit."""
        unit = self._by_name.get(name.lower())
        if unit is None:
            raise StackError(f"monitoring/ names ${{SANDBOX_{name}_ADDRESS}}, and the stack has no {name.lower()}.")
        if self._in_process(unit, runtime):
            return f"127.0.0.1:{unit.port}"
        return f"{unit.name}:{unit.inner_port}"
