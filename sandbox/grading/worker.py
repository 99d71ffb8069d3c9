"""The worker: one process, one run of one lab's checks. Reads a job on standard input, writes events to a pipe.

The judge keeps it apart from itself so that a check that hangs or crashes costs one run and no more. A submission's
code does not run here either: checks start it in the jail.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sandbox.course import Lab, open_course
from sandbox.grading import fixtures
from sandbox.grading.fixtures import LiveService, Run, Send
from sandbox.grading.plugin import CollectionError, Plugin
from sandbox.interrupts import interrupt
from sandbox.jail import JailUnavailable, open_jail
from sandbox.workspace import Submission

UNUSED = (
    "cacheprovider", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "pastebin", "recwarn",
    "setuponly", "setupplan", "stepwise", "threadexception", "unittest", "unraisableexception", "warnings",
)  # fmt: skip
"""Parts of pytest that no check uses; to set them up takes as long as a small check."""


def main() -> int:
    """A worker that was started for one run: its job is on standard input."""
    job = json.load(sys.stdin)
    return run(job, sender(int(job["events_fd"])))


def run(job: dict[str, Any], send: Send) -> int:
    """Carry a job out; the exit status says whether it came to its end."""
    try:
        return conduct(job, lambda lab, stack: begin(lab, job, send, stack))
    except Exception as error:
        return tell(error, send)


def sender(events: int) -> Send:
    """What writes events to the pipe ``events``, which this process then owns, and lets SIGTERM stop the run."""
    pipe = os.fdopen(events, "w", encoding="utf-8", buffering=1)
    os.set_inheritable(pipe.fileno(), False)
    lock = threading.Lock()

    def send(event: dict[str, Any]) -> None:
        with lock:
            pipe.write(json.dumps(event) + "\n")

    signal.signal(signal.SIGTERM, interrupt)
    return send


def tell(error: Exception, send: Send) -> int:
    """Say why there is no result; the exit status."""
    if isinstance(error, JailUnavailable | CollectionError):
        kind = "blocked" if isinstance(error, JailUnavailable) else "error"
        send({"event": "problem", "kind": kind, "message": str(error)})
    else:
        send({"event": "problem", "kind": "error", "message": f"{type(error).__name__}: {error}"})
        send({"event": "details", "text": "".join(traceback.format_exception(error))})
    return 3


def begin(lab: Lab, job: dict[str, Any], send: Send, stack: contextlib.ExitStack) -> Run:
    """Open the jail and a folder for the checks, both closed with ``stack``.

    Raises:
        JailUnavailable: this machine has no such wall.
    """
    composed = job["submission"]
    submission = Submission(
        Path(composed["path"]),
        tuple(composed["accepted"]),
        tuple(composed["ignored"]),
        composed["refused"],
        composed["digest"],
    )
    # Where pytest makes its temporary folders: its option would be read too early for a run that is forked.
    os.environ["PYTEST_DEBUG_TEMPROOT"] = stack.enter_context(tempfile.TemporaryDirectory(prefix="checks-"))
    jail = open_jail(job["wall"], own_work=job["own_work"])
    stack.callback(jail.close)
    send({"event": "jail", "name": jail.name, "notice": getattr(jail, "notice", "")})
    return Run(
        lab=lab, submission=submission, source=Path(job["source"]), jail=jail, seed=job["seed"], send=send,
        live=LiveService(job["live"]["url"], Path(job["live"]["log"])) if job["live"] else None,
        private=Path(job["private"]) if job["private"] else None, cores=job["cores"],
    )  # fmt: skip


def conduct(job: dict[str, Any], begins: Callable[[Lab, contextlib.ExitStack], Run | None]) -> int:
    """Collect the checks of a job's lab, ask ``begins`` for a run of them, and carry it out.

    Read from the job is only what all submissions of one class share: `sandbox.grading.prefork.SHARED`.

    Raises:
        JailUnavailable, CollectionError: see `tell`.
    """
    lab = open_course(Path(job["course"])).find(job["lab"])
    with contextlib.ExitStack() as stack:
        plugin = Plugin(job["only"], lambda: begins(lab, stack))
        plugins: list[Any] = [plugin, fixtures]
        sys.path.insert(0, str(lab.folder))
        if (lab.folder / "fixtures.py").is_file():
            plugins.append(_load(lab.folder / "fixtures.py", f"lab_fixtures_{lab.number}"))
        status = pytest.main(_arguments(lab, Path(job["private"]) if job["private"] else None), plugins)
    if plugin.failure:
        raise plugin.failure
    if not plugin.begun:
        return 0
    send = plugin.run.send
    # Exit 4 and 2 are pytest's own usage and collection errors; what it printed is in the log.
    broken = plugin.broken
    if not broken and status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        broken = f"the checks of lab {lab.id} could not be collected (pytest exit {int(status)})"
    if broken:
        send({"event": "problem", "kind": "error", "message": broken})
    for text in plugin.details:
        send({"event": "details", "text": text})
    send({"event": "end"})
    return 0


def _arguments(lab: Lab, private: Path | None) -> list[str]:
    hidden = private / lab.id / "checks.py" if private else None
    # Nothing outside the lab's own file may steer the run: no conftest, no ini file, no cache, no rewriting. Without a
    # border pytest would list every folder from the root down to the lab's.
    return [
        str(lab.checks_file), *([str(hidden)] if hidden and hidden.is_file() else []),
        "--noconftest", "-c", os.devnull, f"--rootdir={lab.folder}", f"--confcutdir={lab.folder}", "--import-mode=importlib",
        "-o", "python_files=checks.py", "-o", "python_functions=check_*", "--assert=plain",
        *(word for name in UNUSED for word in ("-p", f"no:{name}")), "-q", "--tb=short", "-s",
    ]  # fmt: skip


def _load(path: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
