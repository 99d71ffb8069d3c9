"""The commands that a grading runs in the jail, written down while it runs. ``replay`` runs them again with nothing around.

Run as a module, this is a worker (see ``sandbox.grading.worker``) that keeps every command.
"""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from sandbox.course import Lab
from sandbox.grading import worker
from sandbox.grading.run import Options, grade
from sandbox.jail import host
from sandbox.jail.bubblewrap import BubblewrapJail
from sandbox.jail.files import pack
from sandbox.jail.interface import Task

FOLDER = "BENCH_RECORD"


class Recorder:
    """Stands where ``Prefork`` does, and starts a worker that writes its commands down."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, job: dict[str, Any], log: Any, events: int, env: dict[str, str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.recorder"], stdin=subprocess.PIPE, stdout=log, stderr=log,
            pass_fds=(events,), env={**env, FOLDER: str(self.folder)}, start_new_session=True,
        )  # fmt: skip
        assert process.stdin
        process.stdin.write(json.dumps({**job, "events_fd": events}).encode())
        process.stdin.close()
        return process


def record(lab: Lab, source: Path, folder: Path) -> None:
    """Grade a submission and keep its commands in ``folder``."""
    folder.mkdir()
    grade(lab, source, Options(own_work=False, cores=1), prefork=Recorder(folder))  # type: ignore[arg-type]


def _keep(folder: Path, task: Task) -> None:
    archive = pack(task.files, task.limits.disk_mb << 20)
    table = {
        "argv": task.argv, "cwd": task.cwd, "stdin": task.stdin or b"", "timeout_s": task.limits.timeout_s,
        "env": host.environment(task.env, path=host.python_path()), "files": archive.read() if archive else b"",
    }  # fmt: skip
    (folder / f"{time.monotonic_ns():020}-{os.getpid()}").write_bytes(pickle.dumps(table))


def _main() -> int:
    folder, start = Path(os.environ[FOLDER]), BubblewrapJail._start

    def keep_and_start(self: BubblewrapJail, task: Task) -> Any:
        if task.files is not None:
            _keep(folder, task)
        return start(self, task)

    BubblewrapJail._start = keep_and_start  # type: ignore[method-assign]
    return worker.main()


if __name__ == "__main__":
    sys.exit(_main())
