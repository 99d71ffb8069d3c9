"""The whole of `make start` and its counterparts, with what they print."""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from sandbox.course import Course
from sandbox.runtime import site
from sandbox.runtime.ports import HOST
from sandbox.runtime.processes import tail
from sandbox.runtime.progress import Printed, Progress
from sandbox.runtime.settings import Settings, StackError
from sandbox.runtime.stack import Stack
from sandbox.runtime.status import Status, render
from sandbox.runtime.units import traces

EXAMPLE: dict[str, Any] = {
    "carrier": "UA", "origin": "EWR", "dest": "ORD", "month": 7, "day": 4, "sched_dep_time": 1745, "distance": 719,
    "temp": 84.2, "humid": 61.2, "wind_speed": 9.2, "precip": 0.0, "pressure": 1016.1, "visib": 10.0,
}  # fmt: skip
"""The flight of the first prediction: United from Newark to Chicago on the Fourth of July, at 17:45."""


@dataclass(frozen=True)
class Up:
    """What a start has brought.

    Attributes:
        status: the stack as it is now.
        request, answer: the first prediction, as it went to the service and came back.
        warnings: what did not go well and keeps nobody from working.
        seconds: how long it took.
    """

    status: Status
    request: dict[str, Any]
    answer: dict[str, Any]
    warnings: tuple[str, ...]
    seconds: float


def up(course: Course, *, runtime: str = "auto", profiles: Sequence[str] = (), console: Console | None = None) -> Up:
    """Prepare the model and the site, start the stack, make one real prediction; print what to do next.

    A second call changes nothing and is quick.

    Raises:
        StackError: what went wrong, where, and what to do next.
    """
    began = time.monotonic()
    console = console or Console(quiet=True)
    stack = Stack(course)
    printed = Printed(console)
    with printed.at_work(), stack.records.lock(printed.note):
        prepare_model(stack.settings, printed)
        warnings = _build_site(stack.settings, printed)
        status = stack.start(runtime, profiles, printed)
        printed.note("making a first prediction")
        answer = predict(stack.settings, EXAMPLE)
    found = Up(status, EXAMPLE, answer, warnings, time.monotonic() - began)
    _print_next(course, found, console)
    return found


def down(course: Course, *, images: bool = False, console: Console | None = None) -> list[str]:
    """Stop everything that was started, and with ``images`` remove what was built; tells the names of it all."""
    console = console or Console(quiet=True)
    stack = Stack(course)
    printed = Printed(console)
    with printed.at_work():
        stopped = stack.stop(printed, images=images)
    console.print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.", markup=False)
    return stopped


def report(course: Course, *, console: Console | None = None) -> Status:
    """What is true of the stack now, printed where a console is given."""
    status = Stack(course).status()
    if console is not None:
        render(status, console)
    return status


def logs(course: Course, name: str, *, follow: bool = False) -> None:
    """Print the end of a unit's log, and with ``follow`` what is added to it until Ctrl-C.

    Raises:
        StackError: no unit has this name, or it has written nothing yet.
    """
    stack = Stack(course)
    names = [unit.name for unit in stack.units]
    if name not in names:
        raise StackError(f"There is no service {name!r}.", f"Choose from: {', '.join(names)}.")
    # The model service writes its log to a file in both runtimes; what others print is kept where they run.
    own, printed = stack.settings.logs / f"{name}.log", stack.settings.logs / f"{name}.out"
    path = own if own.is_file() and own.stat().st_size else printed
    tail_it = ["tail", "-n", "200", *(["-F"] if follow else []), str(path)]
    command = tail_it if path.is_file() else stack.containers.log_command(name, follow=follow)
    sys.stdout.flush()
    subprocess.run(command, check=False)


def prepare_model(settings: Settings, progress: Progress) -> None:
    """Publish the default model where it is not there yet (or was made from other data or code).

    Raises:
        StackError: the data or the training failed; carries the end of what it said.
    """
    stamp = settings.models.with_name("prepared")
    if stamp.is_file() and stamp.read_text("utf-8") == _model_traces(settings):
        return
    progress.note("preparing data and model (the first time takes about 20 seconds)")
    settings.models.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sandbox.service", "prepare", "--models", str(settings.models), "--if-needed"]
    process = subprocess.Popen(
        command,
        cwd=settings.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            progress.note(f"  model: {line.strip()}")
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status:
        raise StackError(f"The model could not be prepared:\n{tail(''.join(said))}")
    stamp.write_text(_model_traces(settings), "utf-8")


def _model_traces(settings: Settings) -> str:
    """Changes when something changes that the model is made from, or the model itself.

    The service's own command compares contents, which takes it half a second of imports. This looks at names, sizes and
    times only, to know when there is no need to ask.
    """
    packages = Path(sysconfig.get_path("purelib"))
    seen = [sys.version, str(packages), str(packages.stat().st_mtime_ns)]
    seen += [traces(path) for path in (settings.root / "sandbox" / "service", settings.models)]
    return hashlib.sha256("\0".join(seen).encode()).hexdigest()


def predict(settings: Settings, flight: dict[str, Any]) -> dict[str, Any]:
    """One prediction through the running service.

    Raises:
        StackError: the service does not answer, or not with 200.
    """
    port = settings.ports["SANDBOX_SERVICE_PORT"]
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("POST", "/predict", json.dumps(flight), {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise StackError(f"The model service did not answer the first prediction: {error}.", "See: lab logs") from None
    finally:
        connection.close()
    if response.status != 200:
        raise StackError(f"The first prediction was answered with {response.status}: {body[:400]!r}.", "See: lab logs")
    answer = json.loads(body)
    first: dict[str, Any] = answer[0] if isinstance(answer, list) else answer
    return first


def _build_site(settings: Settings, progress: Progress) -> tuple[str, ...]:
    if site.is_current(settings):
        return ()
    progress.note("building the course site")
    try:
        site.build(settings)
    except StackError as error:
        # A page that does not build must keep nobody from the service and the other pages.
        return (str(error),)
    return ()


def _print_next(course: Course, found: Up, console: Console) -> None:
    status, flight, answer = found.status, found.request, found.answer
    console.print(f"\n[bold green]✓[/] The sandbox runs ({found.seconds:.1f} s), as {_runtime(status)}.")
    for unit in status.units:
        mark = "[green]✓[/]" if unit.state == "running" else "[yellow]–[/]"
        where = unit.url if unit.state == "running" else f"left out: {unit.detail}"
        console.print(f"  {mark} {unit.title:<20} {where}")
    late = "late" if answer["late"] else "on time"
    clock = f"{flight['sched_dep_time'] // 100:02d}:{flight['sched_dep_time'] % 100:02d}"
    console.print(
        f"\nA first prediction: {flight['carrier']} from {flight['origin']} to {flight['dest']}, 4 July, {clock}: "
        f"[bold]{late}[/] (probability of being late {answer['probability']:.2f})."
    )
    body = json.dumps(
        {key: flight[key] for key in ("carrier", "origin", "dest", "month", "day", "sched_dep_time", "distance")}
    )
    console.print("Ask it yourself:")
    url = status.unit("service").url
    console.print(
        f"  curl -s {url}/predict -H 'Content-Type: application/json' -d '{body}'", markup=False, soft_wrap=True
    )
    for warning in found.warnings:
        console.print(f"[yellow]![/] {warning}")
    site_url = status.unit("site").url
    first = course.labs[0].number if course.labs else "00"
    console.print(
        f"\nNext: open {site_url}, or begin the first lab: make begin LAB={first}, then make check LAB={first}\n"
        "What runs: make status.  What this machine lacks: make doctor.  End: make stop."
    )
    _print_missing(course, console)


def _runtime(status: Status) -> str:
    what = "Docker containers" if status.runtime == "docker" else "local processes"
    return f"{what}: {status.reason}"


def _print_missing(course: Course, console: Console) -> None:
    from sandbox.doctor import missing

    rows = missing(course)
    if rows:
        console.print("\nMissing here, and only needed for some labs:")
    for row in rows:
        labs = f"lab{'s' if len(row.labs) > 1 else ''} {', '.join(row.labs)}"
        console.print(f"  {row.name} ({labs}): {row.how}", markup=False)
