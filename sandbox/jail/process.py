"""No wall at all: an ordinary process in a temporary folder, for one's own work on a machine that offers nothing better."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from sandbox.jail import host
from sandbox.jail.files import data_file, pack, remove_tree, unpack
from sandbox.jail.interface import JOB, SOCKETS, Content, FilesRefused, Jail, JailError, Task
from sandbox.jail.supervisor import Started
from sandbox.jail.usage import Usage, descendants, sample

MARK = "SANDBOX_JAIL_MARK"
"""An environment variable by which processes are found again that left their parent and their session."""


class ProcessJail(Jail):
    """Commands as ordinary processes: a private copy of the files, a clean environment, a time limit, and no more."""

    name = "process"
    notice = (
        "No wall: commands run as ordinary processes of yours. They can read your files and use the network; only the "
        "time, the memory and the size of a file are limited. Run nobody else's work this way."
    )

    def _start(self, task: Task) -> Started:
        folder = Path(tempfile.mkdtemp(prefix="jail-"))
        try:
            for name in ("job", "tmp", "sockets"):
                (folder / name).mkdir()
            archive = pack(task.files, task.limits.disk_mb << 20)
            if archive is not None:
                with archive:
                    unpack(archive, folder / "job")
            return self._spawn(task, folder)
        except BaseException as error:
            remove_tree(folder)
            if isinstance(error, OSError):
                raise JailError(f"cannot start {task.argv[0]!r}: {error}") from error
            raise

    def _spawn(self, task: Task, folder: Path) -> Started:
        sockets = task.sockets or folder / "sockets"
        places = {JOB: folder / "job", SOCKETS: sockets, **task.mounts}
        mark = secrets.token_hex(16)
        path = f"{Path(sys.prefix) / 'bin'}:{os.environ.get('PATH', os.defpath)}"
        plain = host.environment({}, path=path, sockets=str(sockets), home=str(folder / "tmp"))
        environment = {**plain, MARK: mark, **{name: moved(text, places) for name, text in task.env.items()}}
        words = [moved(word, places) for word in task.argv]
        work = folder / "job" / task.cwd

        helpers: list[subprocess.Popen[bytes]] = []
        if task.bridge:
            pairs = [f"{sockets / name}:{port}" for name, port in task.bridge.items()]
            forwarder = [sys.executable, "-I", "-S", str(Path(__file__).parent / "bridge.py"), *pairs]
            quiet = subprocess.DEVNULL
            helpers.append(
                subprocess.Popen(
                    forwarder, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
                )
            )
        stdin = data_file(task.stdin) if task.stdin else None
        try:
            process = subprocess.Popen(
                ["/bin/sh", "-c", _script(task, work, folder / "ready"), "sh", *words],
                env=environment,
                stdin=stdin if stdin is not None else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except BaseException:
            for helper in helpers:
                helper.kill()
            raise
        finally:
            if stdin is not None:
                stdin.close()
        return _Process(process, helpers, folder, mark, task)


def _script(task: Task, work: Path, ready: Path) -> str:
    blocks, seconds = task.limits.file_mb * 2048, max(1, round(task.limits.cpu_seconds))
    return "\n".join(
        [
            f"cd {shlex.quote(str(work))} || exit 125",
            # Limits that some system refuses are left: this wall promises none of them.
            f"ulimit -c 0; ulimit -f {blocks}; ulimit -S -t {seconds}",
            f": >{shlex.quote(str(ready))}",
            'exec "$@"',
        ]
    )


def moved(text: str, places: Mapping[str, Path]) -> str:
    """Put the host's paths where a text names places inside the jail, since nothing can be mounted here."""
    for inside, outside in sorted(places.items(), key=lambda pair: -len(pair[0])):
        place = re.compile(rf"(?<![\w/.-]){re.escape(inside)}(?=$|[/:;,'\"\s])")
        text = place.sub(str(outside).replace("\\", r"\\"), text)
    return text


class _Process(Started):
    def __init__(
        self,
        process: subprocess.Popen[bytes],
        helpers: list[subprocess.Popen[bytes]],
        folder: Path,
        mark: str,
        task: Task,
    ) -> None:
        assert process.stdout is not None and process.stderr is not None
        super().__init__(os.dup(process.stdout.fileno()), os.dup(process.stderr.fileno()), None)
        process.stdout.close()
        process.stderr.close()
        self._process = process
        self._helpers = helpers
        self._folder = folder
        self._mark = mark
        self._task = task

    def poll(self) -> int | None:
        code = self._process.poll()
        return None if code is None else code if code >= 0 else 128 - code

    def kill(self) -> None:
        for pid in self._all():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for each in (self._process, *self._helpers):
            with suppress(OSError):
                each.kill()

    def signal(self, number: int) -> None:
        with suppress(OSError):
            self._process.send_signal(number)

    def usage(self) -> Usage:
        return sample([self._process.pid, *descendants(self._process.pid)])

    def laid_out(self) -> bool:
        return (self._folder / "ready").exists()

    def leftover(self) -> bytes:
        if not self._task.collect:
            return b""
        job = self._folder / "job"
        wanted: dict[str, Content] = {}
        for name in self._task.collect:
            path = job / name
            # A link on the way would lead the judge out of the folder.
            if path.exists() and path.resolve() == job.resolve() / os.path.normpath(name):
                wanted[name] = path
        try:
            archive = pack(wanted, self._task.limits.disk_mb << 20)
        except FilesRefused:
            return b""
        if archive is None:
            return b""
        with archive:
            return archive.read()

    def tidy(self) -> None:
        for helper in self._helpers:
            helper.wait()
        remove_tree(self._folder)

    def _all(self) -> set[int]:
        """Every process of this command that still lives: by parentage, by session, by the mark that it inherited."""
        found = set(descendants(self._process.pid))
        entry = f"{MARK}={self._mark}".encode()
        for pid in psutil.pids():
            with suppress(OSError, psutil.Error):
                if os.path.isdir("/proc/self"):
                    with open(f"/proc/{pid}/environ", "rb") as file:
                        marked = entry in file.read()
                else:
                    marked = psutil.Process(pid).environ().get(MARK) == self._mark
                if marked:
                    found.add(pid)
        return found - {os.getpid()}
