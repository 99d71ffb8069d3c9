"""One run of one lab's checks on one submission: start the worker, follow its events, make the result."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox import tools
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.grading.patience import Patience
from sandbox.grading.prefork import Forked, Prefork
from sandbox.grading.results import CheckResult, LabResult
from sandbox.workspace import Submission, compose

Event = dict[str, Any]


@dataclass(frozen=True)
class Options:
    """How to run the checks.

    Attributes:
        wall: ``auto``, ``bubblewrap``, ``docker`` or ``process``.
        own_work: the submission is the user's own, so that the process wall may do where there is no other.
        only: names of checks; what they come after is run too. Empty: all.
        seed: None for a new one.
        live: address and log file of the running service, for labs that grade against it.
        private: the instructor's own folder of faults.
    """

    wall: str = "auto"
    own_work: bool = True
    only: tuple[str, ...] = ()
    seed: int | None = None
    live: dict[str, str] | None = None
    private: Path | None = None
    cores: int = field(default_factory=lambda: os.cpu_count() or 1)


class Cancelled(Exception):
    """The run was stopped because its caller no longer wants it."""


@dataclass
class _Progress:
    plan: list[Event] = field(default_factory=list)
    checks: dict[str, CheckResult] = field(default_factory=dict)
    running: str = ""
    problem: str = ""
    jail: str = ""
    details: list[str] = field(default_factory=list)
    ended: bool = False


def grade(
    lab: Lab,
    source: Path,
    options: Options | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
    cancel: threading.Event | None = None,
    prefork: Prefork | None = None,
) -> LabResult:
    """Grade ``source`` (a workspace or a student's folder) for ``lab``.

    Args:
        on_event: called with each event as it happens (``plan``, ``jail``, ``start``, ``part``, ``result``).
        cancel: set it to stop the run.
        prefork: starts the worker, for those who grade much; it serves one run at a time.

    Raises:
        ConnectionError: ``prefork`` was lost.
        WorkspaceError: the folder is missing or holds more than the lab takes.
        Cancelled: ``cancel`` was set; everything that the run had started is gone.
    """
    options = options or Options()
    started, begun = datetime.now(UTC), time.monotonic()
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    with tempfile.TemporaryDirectory(prefix="submission-") as folder:
        # Only names of ours below here: mkdtemp made it 0700, and the jail mounts copies of what it needs.
        submission = compose(lab, source, Path(folder) / "composed")
        progress = _run_worker(lab, source, submission, options, seed, on_event, cancel, prefork)
    checks = tuple(_unfinished(progress, planned) for planned in progress.plan)
    problem = progress.problem
    if progress.details:
        problem = f"{problem or 'a check broke'} (details: {_write_details(lab, seed, progress.details)})"
    return LabResult(
        lab=lab.id,
        course_digest=lab.digest(),
        submission_digest=submission.digest,
        started_at=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        duration_s=time.monotonic() - begun,
        checks=checks,
        environment={
            "jail": progress.jail,
            "python": platform.python_version(),
            "tools": _versions(lab),
            "seed": seed,
            "ignored": list(submission.ignored[:20]),
            "refused": submission.refused,
        },
        problem=problem,
    )


def _run_worker(
    lab: Lab, source: Path, submission: Submission, options: Options, seed: int,
    on_event: Callable[[Event], None], cancel: threading.Event | None, prefork: Prefork | None,
) -> _Progress:  # fmt: skip
    job = {
        "course": str(lab.course.root), "lab": lab.id, "source": str(source.resolve()), "wall": options.wall,
        "own_work": options.own_work, "only": [name.removeprefix("check_") for name in options.only], "seed": seed,
        "live": options.live, "private": str(options.private.resolve()) if options.private else "", "cores": options.cores,
        "submission": {"path": str(submission.path), "accepted": submission.accepted, "ignored": submission.ignored[:200],
                       "refused": submission.refused, "digest": submission.digest},
    }  # fmt: skip
    if prefork:
        # Checks that were collected once serve as long as the course is the same.
        job["digest"] = lab.digest()
    progress = _Progress()
    with tempfile.TemporaryFile() as log, _worker(job, log, prefork) as (process, events):
        for event in _events(events, lab.spec.limits.time_s, cancel):
            _apply(progress, event)
            on_event(event)
            if event["event"] == "result" and event["check"]["status"] == "error":
                progress.problem = (
                    progress.problem or "a check of this lab broke: that is the course's fault, not yours"
                )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        if not progress.ended and not progress.problem:
            progress.problem = f"the run of the checks broke off (exit status {process.poll()})"
        if progress.problem or progress.details:
            log.seek(0)
            progress.details.append(log.read()[-20_000:].decode("utf-8", "replace"))
        if progress.problem.startswith(BLOCKED):
            progress.details.clear()
    return progress


BLOCKED = "blocked: "


def _apply(progress: _Progress, event: Event) -> None:
    match event["event"]:
        case "plan":
            progress.plan = event["checks"]
        case "jail":
            progress.jail = event["name"]
        case "start":
            progress.running = event["name"]
        case "result":
            result = CheckResult.from_json(event["check"])
            progress.checks[result.name] = result
        case "problem":
            progress.problem = (BLOCKED if event["kind"] == "blocked" else "") + event["message"]
        case "details":
            progress.details.append(event["text"])
        case "time-out":
            if progress.running and progress.running not in progress.checks:
                planned = next(check for check in progress.plan if check["name"] == progress.running)
                progress.checks[progress.running] = _not_run(
                    planned, "failed", f"time-out: the lab's whole limit of {event['limit_s']:g} s was over"
                )
            progress.ended = True
        case "end":
            progress.ended = True


def _unfinished(progress: _Progress, planned: Event) -> CheckResult:
    if done := progress.checks.get(planned["name"]):
        return done
    if progress.ended:
        return _not_run(planned, "skipped", "not run: the lab's time limit was over before its turn")
    if progress.problem.startswith(BLOCKED):
        return _not_run(planned, "blocked", progress.problem.removeprefix(BLOCKED))
    return _not_run(planned, "error", "not run: the judge broke off before its turn")


def _not_run(planned: Event, status: Any, message: str) -> CheckResult:
    return CheckResult(
        planned["name"], planned["title"], status, 0.0, planned["max_points"], message, after=tuple(planned["after"])
    )


@contextlib.contextmanager
def _worker(
    job: dict[str, Any], log: Any, prefork: Prefork | None
) -> Iterator[tuple[subprocess.Popen[bytes] | Forked, int]]:
    read, write = os.pipe()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "COVERAGE_"))}
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    try:
        process = prefork.start(job, log, write, env) if prefork else _start(job, log, write, env)
    except BaseException:
        os.close(read)
        raise
    finally:
        os.close(write)
    try:
        yield process, read
    finally:
        os.close(read)
        _end(process)


def _start(job: dict[str, Any], log: Any, events: int, env: dict[str, str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "sandbox.grading.worker"], stdin=subprocess.PIPE, stdout=log, stderr=log,
        pass_fds=(events,), env=env, start_new_session=True,
    )  # fmt: skip
    assert process.stdin
    # A worker that dies at once closes the pipe; what it printed tells why.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(json.dumps({**job, "events_fd": events}).encode())
        process.stdin.close()
    return process


def _end(process: subprocess.Popen[bytes] | Forked) -> None:
    """Ask the worker to stop, which ends what it has in the jail; then end its whole process group."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _events(descriptor: int, limit_s: float, cancel: threading.Event | None) -> Iterator[Event]:
    """Events until the worker closes its end, the time is up or the run is cancelled."""
    patience = Patience(limit_s)
    buffer = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if cancel is not None and cancel.is_set():
                raise Cancelled
            left = patience.left_s()
            if left <= 0:
                yield {"event": "time-out", "limit_s": limit_s}
                return
            if not selector.select(min(left, 0.1 if cancel else 1.0)):
                continue
            chunk = os.read(descriptor, 65536)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                yield json.loads(line)


def _versions(lab: Lab) -> dict[str, str]:
    found = ((name, tools.find(name)) for name in (*lab.spec.needs, *lab.spec.optional))
    return {name: tool.version for name, tool in found if tool}


def _write_details(lab: Lab, seed: int, details: list[str]) -> Path:
    """Keep what a report of a broken check needs; no learner sees a traceback on the screen."""
    folder = lab.course.state / "reports"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"A check broke, and its details cannot be written to {folder}: {error}") from None
    path = folder / f"{lab.id}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{seed}.txt"
    path.write_text(
        f"lab {lab.id}, seed {seed}, Python {platform.python_version()}, {platform.platform()}\n\n"
        + "\n".join(details),
        "utf-8",
    )
    return path
