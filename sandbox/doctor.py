"""What this machine has and lacks: one report, for `lab doctor` and for the end of `lab start`."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import psutil
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox import tools
from sandbox.course import Course
from sandbox.errors import UserError
from sandbox.runtime import ports
from sandbox.runtime.stack import Stack

Group = Literal["machine", "ports", "tools"]
Verdict = Literal["ok", "warning", "missing"]

LEAST_PYTHON = (3, 11)
LEAST_MEMORY_GB = 4.0
LEAST_DISK_GB = 5.0
_MARKS = {"ok": Text("✓", style="green"), "warning": Text("!", style="yellow"), "missing": Text("–", style="dim")}
# Files that a shell or make reads: with Windows line ends they fail in ways that name no cause.
_LINE_END_SAMPLES = ("Makefile", ".ci/run", "sandbox/bootstrap.py", "sandbox/__init__.py")


@dataclass(frozen=True)
class Row:
    """One thing examined.

    Attributes:
        value: what was found: a version, an amount; empty where nothing was.
        where: its path; for a port, who holds it.
        labs: numbers of the labs that need it; those that only make use of it are in brackets.
        how: what to do where the verdict is not ok.
    """

    group: Group
    name: str
    verdict: Verdict
    value: str = ""
    where: str = ""
    labs: tuple[str, ...] = ()
    how: str = ""


@dataclass(frozen=True)
class Report:
    """Everything examined, and the known traps that this machine stands in."""

    rows: tuple[Row, ...]
    traps: tuple[str, ...]

    def row(self, name: str) -> Row:
        """The row of that name; ``KeyError`` where there is none."""
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        return {"rows": [asdict(row) for row in self.rows], "traps": list(self.traps)}


def examine(course: Course) -> Report:
    """Examine this machine. Starts nothing and changes nothing."""
    jail = _jail()
    rows = (*_machine(course), jail, *_ports(course), *_tools(course))
    return Report(tuple(rows), tuple(_traps(course, walled=jail.verdict == "ok")))


def missing(course: Course) -> list[Row]:
    """Tools that a lab of this course needs and that are not here."""
    needed = [row for row in _tools(course, needed_only=True) if row.verdict == "missing"]
    return [row for row in needed if any(not lab.startswith("(") for lab in row.labs)]


def render(report: Report, console: Console) -> None:
    """Print the table of `lab doctor`, then the traps."""
    table = Table("", "what", "found", "where", "labs", box=None, header_style="bold", pad_edge=False)
    group = ""
    for row in report.rows:
        if row.group != group:
            if group:
                table.add_section()
                table.add_row()
            group = row.group
        where = Text(_short(row.where), style="dim")
        table.add_row(_MARKS[row.verdict], row.name, Text(row.value), where, " ".join(row.labs))
    console.print(table)
    advice = [f"{row.name}: {row.how}" for row in report.rows if row.how]
    for title, lines in (("What to do about it", advice), ("Known traps on this machine", report.traps)):
        if lines:
            console.print(f"\n[bold]{title}[/]")
        for line in lines:
            console.print(f"  {line}", markup=False)


def _short(where: str) -> str:
    """A path as seen from here or from home, so that it fits into a column; any other text as it is."""
    for folder, sign in ((Path.cwd(), ""), (Path.home(), "~/")):
        if where.startswith(f"{folder}{os.sep}"):
            return sign + where.removeprefix(f"{folder}{os.sep}")
    return where


# --- the machine --------------------------------------------------------------------------------------------------------


def _machine(course: Course) -> Iterator[Row]:
    version = platform.python_version()
    old = sys.version_info[:2] < LEAST_PYTHON
    how = f"The course needs Python {LEAST_PYTHON[0]}.{LEAST_PYTHON[1]} or newer." if old else ""
    yield Row("machine", "Python", "warning" if old else "ok", version, sys.executable, how=how)
    yield Row("machine", "system", "ok", f"{_system()}, {platform.machine()}")
    yield Row("machine", "cores", "ok", str(os.cpu_count() or 1))
    memory = psutil.virtual_memory()
    total = memory.total / 1e9
    text = f"{total:.1f} GB, {memory.available / 1e9:.1f} GB free"
    how = (
        f"Under {LEAST_MEMORY_GB:.0f} GB, the labs on containers and clusters are slow."
        if total < LEAST_MEMORY_GB
        else ""
    )
    yield Row("machine", "memory", "warning" if how else "ok", text, how=how)
    free = shutil.disk_usage(course.root).free / 1e9
    how = f"Under {LEAST_DISK_GB:.0f} GB, images and models may not fit: make room." if free < LEAST_DISK_GB else ""
    yield Row("machine", "disk", "warning" if how else "ok", f"{free:.1f} GB free", str(course.root), how=how)


def _system() -> str:
    if sys.platform == "darwin":
        return f"macOS {platform.mac_ver()[0]}"
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        name = platform.system()
    return f"{name} in WSL" if _in_wsl() else name


def _jail() -> Row:
    """Which wall stands between a submission and this machine."""
    from sandbox.jail import JailUnavailable, open_jail

    try:
        jail = open_jail("auto")
    except (JailUnavailable, UserError) as error:
        return Row("machine", "jail", "warning", "none works", how=str(error))
    if jail.name == "process":
        why = "Your own work runs without a wall, and a class cannot be graded here. " + "; ".join(jail.tried)
        return Row("machine", "jail", "warning", "process (no wall)", how=why)
    return Row("machine", "jail", "ok", jail.name)


# --- ports --------------------------------------------------------------------------------------------------------------


def _ports(course: Course) -> Iterator[Row]:
    stack = Stack(course)
    ours = {unit.variable for unit in stack.status().units if unit.pid or unit.container}
    for unit in stack.units:
        name = f"port {unit.port}"
        if unit.variable in ours:
            yield Row("ports", name, "ok", "in use by the sandbox", unit.title)
        elif ports.is_free(unit.port):
            yield Row("ports", name, "ok", "free", unit.title)
        else:
            how = f"End it, or choose another port for {unit.title}: put {unit.variable}=PORT into .env."
            yield Row("ports", name, "warning", "taken", str(ports.holder(unit.port)), how=how)


# --- tools --------------------------------------------------------------------------------------------------------------


def _tools(course: Course, *, needed_only: bool = False) -> list[Row]:
    labs = _labs_by_tool(course)
    names = [name for name in tools.TOOLS if name in labs or not needed_only]
    with ThreadPoolExecutor(max_workers=8) as pool:
        sightings = list(pool.map(tools.look, names))
    return [_tool_row(sighting, labs.get(sighting.name, ())) for sighting in sightings]


def _tool_row(sighting: tools.Sighting, labs: tuple[str, ...]) -> Row:
    if sighting.tool is not None:
        return Row("tools", sighting.name, "ok", sighting.tool.version, str(sighting.tool.path), labs)
    spec = tools.TOOLS[sighting.name]
    here = tools.program(sighting.name) if spec.programs else None
    where = "is here, but does not answer" if here else spec.purpose
    return Row("tools", sighting.name, "missing", "", where, labs, sighting.fix)


def _labs_by_tool(course: Course) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for lab in course.labs:
        for name in lab.spec.needs:
            found.setdefault(name, []).append(lab.number)
        for name in lab.spec.optional:
            found.setdefault(name, []).append(f"({lab.number})")
    return {name: tuple(numbers) for name, numbers in found.items()}


# --- known traps --------------------------------------------------------------------------------------------------------


def _traps(course: Course, *, walled: bool) -> Iterator[str]:
    if _in_wsl() and course.root.resolve().parts[:2] == ("/", "mnt"):
        yield (
            f"This checkout is on a Windows drive ({course.root}): files are slow there and lose their modes. "
            "Clone it into your Linux home folder."
        )
    if crlf := [name for name in _LINE_END_SAMPLES if _has_crlf(course.root / name)]:
        yield (
            f"{', '.join(crlf)}: Windows line ends, which shells and make do not read. "
            "Run `git config core.autocrlf input`, then clone again."
        )
    if sys.platform == "darwin" and platform.machine() == "arm64":
        yield (
            "Apple Silicon: an image made for amd64 only runs in slow emulation here. The course's own images are built "
            "for this machine; take images that have an arm64 variant."
        )
    if sys.platform == "darwin":
        yield "macOS: the AirPlay receiver may hold port 5000 (System Settings, General, AirDrop & Handoff)."
    if not walled and _reads("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1":
        yield (
            "This system restricts user namespaces (Ubuntu 23.10 and later), and so the jail has no wall. "
            "`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` allows them until the next start."
        )
    if not walled and (Path("/.dockerenv").exists() or os.environ.get("REMOTE_CONTAINERS")):
        yield "Inside a container, user namespaces are usually refused, and so the jail has no wall."


def _in_wsl() -> bool:
    return "microsoft" in _reads("/proc/version").lower()


def _has_crlf(path: Path) -> bool:
    return path.is_file() and b"\r\n" in path.read_bytes()[:4096]


def _reads(path: str) -> str:
    try:
        return Path(path).read_text("utf-8").strip()
    except OSError:
        return ""
