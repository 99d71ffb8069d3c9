"""The wall of a Docker container, one for each command.

On Linux the container's image is empty, and the host's programs and the course's Python are shown in it read-only: no
download, and the very packages that the learner has. Elsewhere (macOS, a daemon on another machine) an image with the
course's packages is built once.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.jail import host, launcher
from sandbox.jail.files import COLLECT_BYTES, pack, remove_tree
from sandbox.jail.interface import JOB, LOADED, SOCKETS, Jail, JailError, JailUnavailable, Limits, Task
from sandbox.jail.supervisor import Started, own_places
from sandbox.jail.usage import Usage, descendants, disk_state, sample

LABEL = "devops-ml-jail"
INSIDE = "/run/jail"
KILL_WITHIN_S = 10
LIFE_AFTER_S = 10
"""How much longer than its time a container lives where the judge was killed and cannot end it."""


@dataclass(frozen=True)
class _Image:
    """An image, what is mounted into it, and where its Python is."""

    name: str
    mounts: tuple[str, ...]
    path: str
    python: str


class DockerJail(Jail):
    """Commands in containers without network.

    Args:
        show_host: whether the image is empty and shows the host's programs; found out where it is None.

    Raises:
        JailUnavailable: no Docker, or no image can be had.
    """

    name = "docker"

    def __init__(self, *, show_host: bool | None = None) -> None:
        program = shutil.which("docker")
        if program is None:
            raise JailUnavailable("Docker's command is not there.", "Install Docker, then start it.")
        self._docker = program
        answer = self._ask("version", "--format", "{{.Server.Os}}", timeout_s=20)
        if answer.returncode != 0:
            raise JailUnavailable(f"Docker does not answer: {_last_line(answer.stderr)}", "Start Docker and try again.")
        self._sweep()
        # A unix socket in a shared folder leads into a container only where both run on one kernel.
        self._shared_kernel = sys.platform.startswith("linux") if show_host is None else show_host
        self._image = self._host_image() if self._shared_kernel else self._built_image()
        trouble = self._trouble()
        if trouble and self._shared_kernel:
            print(f"Docker cannot show this machine's Python in a container ({trouble}).", file=sys.stderr)
            self._shared_kernel = False
            self._image = self._built_image()
            trouble = self._trouble()
        if trouble:
            raise JailUnavailable(
                f"Python does not start in Docker's image: {trouble}",
                f"Remove the image: docker rmi {self._image.name}",
            )

    def _trouble(self) -> str:
        """What keeps Python from running in the image, or nothing."""
        try:
            seen = self.run(["python", "-I", "-c", "print(6 * 7)"], limits=Limits(timeout_s=60))
        except JailError as error:
            return str(error)
        return "" if seen.stdout.strip() == "42" else seen.stderr.strip() or f"exit status {seen.exit_status}"

    def _ask(
        self, *words: str, timeout_s: float = 60, stdin: bytes | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        call = [self._docker, *words]
        try:
            return subprocess.run(call, input=stdin or b"", capture_output=True, check=False, timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            return subprocess.CompletedProcess(error.cmd, 124, b"", f"no answer in {timeout_s:g} s".encode())

    def _sweep(self) -> None:
        """Remove containers whose judge was killed before it could."""
        shape = f'{{{{.ID}}}} {{{{.Label "{LABEL}"}}}}'
        listing = self._ask("ps", "-a", "--filter", f"label={LABEL}", "--format", shape)
        for line in listing.stdout.decode(errors="replace").splitlines():
            container, _, judge = line.partition(" ")
            if judge.isdigit() and not _alive(int(judge)):
                self._ask("rm", "-f", container)

    def _host_image(self) -> _Image:
        """An empty image with the host's folders shown in it."""
        archive = io.BytesIO()
        mounts = ["/usr"]
        with tarfile.open(fileobj=archive, mode="w") as tar:
            # Docker puts its init process into /sbin, so that is a folder of the image's own.
            folder = tarfile.TarInfo("sbin")
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
            for name in host.SYSTEM_LINKS:
                path = Path("/", name)
                if name == "sbin":
                    continue
                if path.is_symlink():
                    entry = tarfile.TarInfo(name)
                    entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(path)
                    tar.addfile(entry)
                elif path.is_dir():
                    mounts.append(str(path))
            for name, content in host.made_up_etc(host.LEARNER, host.LEARNER, "jail").items():
                entry = tarfile.TarInfo(f"etc/{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        data = archive.getvalue()
        name = f"{LABEL}:{hashlib.sha256(data).hexdigest()[:12]}"
        if self._ask("image", "inspect", name).returncode != 0:
            made = self._ask("import", "-", name, stdin=data)
            if made.returncode != 0:
                raise JailUnavailable(f"Docker makes no image: {_last_line(made.stderr)}", "Check Docker's free space.")
        mounts += [f"/etc/{each}" for each in host.ETC if Path("/etc", each).exists()]
        if Path("/nix/store").is_dir():
            mounts.append("/nix/store")
        options = [f"--mount=type=bind,source={path},target={path},readonly" for path in mounts]
        local = Path("/usr/local")
        if local not in host.python_folders():
            options.append(f"--mount=type=bind,source={_empty_folder()},target={local},readonly")
        options += [f"--mount=type=bind,source={path},target={path},readonly" for path in host.python_folders()]
        files, folders = host.hidden()
        options += [f"--mount=type=bind,source=/dev/null,target={path},readonly" for path in files]
        options += [f"--mount=type=bind,source={_empty_folder()},target={path},readonly" for path in folders]
        return _Image(name, tuple(options), host.python_path(), host.python_program())

    def _built_image(self) -> _Image:
        """An image with the course's packages, built where it is not there yet."""
        recipe = Path(__file__).with_name("Dockerfile").read_bytes()
        lock = Path(__file__).resolve().parents[2] / "requirements.lock"
        if not lock.is_file():
            raise JailUnavailable("The course's requirements.lock is not there.", "Run from the course's checkout.")
        packages = lock.read_bytes()
        name = f"{LABEL}-packages:{hashlib.sha256(recipe + packages).hexdigest()[:12]}"
        if self._ask("image", "inspect", name).returncode != 0:
            print("Building the jail's image with the course's packages, once: some minutes …", file=sys.stderr)
            with tempfile.TemporaryDirectory() as context:
                (Path(context) / "Dockerfile").write_bytes(recipe)
                (Path(context) / "requirements.lock").write_bytes(packages)
                words = [self._docker, "build", "--tag", name, context]
                if subprocess.run(words, stdout=sys.stderr, check=False).returncode != 0:
                    raise JailUnavailable(
                        "Docker could not build the jail's image; its output is above.",
                        "The build needs the network once, for the base image and the packages.",
                    )
        return _Image(name, (), "/usr/local/bin:/usr/bin:/bin", "/usr/local/bin/python")

    def _start(self, task: Task) -> Started:
        folder = Path(tempfile.mkdtemp(prefix="jail-", dir="/tmp"))
        try:
            return self._spawn(task, folder)
        except BaseException as error:
            remove_tree(folder)
            if isinstance(error, OSError):
                raise JailError(f"cannot start Docker: {error}") from error
            raise

    def _spawn(self, task: Task, folder: Path) -> Started:
        # A user id that nobody has, as long as the judge may give its files away; else the judge's own.
        uid = random.SystemRandom().choice(host.FRESH_IDS) if os.geteuid() == 0 else os.geteuid()
        given, taken = folder / "in", folder / "out"
        for each in (given, taken):
            each.mkdir()
            each.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(taken, uid, uid)
            if task.sockets is not None:
                os.chown(task.sockets, uid, uid)
            (folder / "copies").mkdir()
            views = {to: host.readable(path, folder / "copies") for to, path in task.mounts.items()}
            task = replace(task, mounts=views)
        archive = pack(task.files, task.limits.disk_mb << 20)
        if archive is not None:
            with archive, (given / "files.tar").open("wb") as copy:
                shutil.copyfileobj(archive, copy)
        if task.stdin:
            (given / "stdin").write_bytes(task.stdin)
        for name in ("bridge.py", "relay.py"):
            shutil.copyfile(Path(__file__).with_name(name), given / name)
        for file in given.iterdir():
            file.chmod(0o644)
        script = launcher.script(
            task,
            archive=f"{INSIDE}/in/files.tar" if archive is not None else None,
            control=None,
            python=self._image.python,
            bridge=f"{INSIDE}/in/bridge.py",
            other_processes=None,
            stdin=f"{INSIDE}/in/stdin" if task.stdin else None,
            life_s=int(task.limits.timeout_s * LOADED) + LIFE_AFTER_S,
            collect_into=f"{INSIDE}/out/files.tar" if task.collect else None,
            ready_file=f"{INSIDE}/out/ready",
        )
        name = f"jail-{secrets.token_hex(8)}"
        words = [self._docker, "run", "--name", name, *self._options(task, uid, folder)]
        words += [self._image.name, "/bin/sh", "-c", script, "sh", *task.argv]
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        return _Container(self, process, name, folder, task, self._shared_kernel)

    def _options(self, task: Task, uid: int, folder: Path) -> list[str]:
        limits = task.limits
        # What lies in its memory file systems counts as the container's memory too.
        shared = min(64, limits.memory_mb)
        memory = limits.memory_mb + limits.disk_mb + limits.tmp_mb + shared
        options = [
            *("--init", "--pull", "never", "--log-driver", "none", "--label", f"{LABEL}={os.getpid()}"),
            *("--network", "none", "--hostname", "jail", "--read-only", "--user", f"{uid}:{uid}"),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--ipc", "private"),
            *("--memory", f"{memory}m", "--memory-swap", f"{memory}m", "--shm-size", f"{shared}m"),
            # Three more than asked for: the init process and the two that end the container in any case.
            *("--pids-limit", str(limits.processes + 3), "--workdir", "/", "--entrypoint", ""),
            *("--tmpfs", f"{JOB}:rw,exec,nosuid,nodev,size={limits.disk_mb}m,uid={uid},gid={uid},mode=0755"),
            *("--tmpfs", f"/tmp:rw,exec,nosuid,nodev,size={limits.tmp_mb}m,mode=1777"),
            f"--mount=type=bind,source={folder / 'in'},target={INSIDE}/in,readonly",
            f"--mount=type=bind,source={folder / 'out'},target={INSIDE}/out",
        ]
        if task.sockets is not None and self._shared_kernel:
            options.append(f"--mount=type=bind,source={task.sockets},target={SOCKETS}")
        else:
            options += ["--tmpfs", f"{SOCKETS}:rw,nosuid,nodev,size=1m,uid={uid},gid={uid},mode=0755"]
        options += self._image.mounts
        options += [
            f"--mount=type=bind,source={outside},target={inside},readonly" for inside, outside in task.mounts.items()
        ]
        for key, value in host.environment(task.env, path=self._image.path).items():
            options += ["--env", f"{key}={value}"]
        return options


class _Container(Started):
    def __init__(
        self,
        jail: DockerJail,
        process: subprocess.Popen[bytes],
        name: str,
        folder: Path,
        task: Task,
        shared_kernel: bool,
    ) -> None:
        assert process.stdout is not None and process.stderr is not None
        super().__init__(os.dup(process.stdout.fileno()), os.dup(process.stderr.fileno()), None)
        process.stdout.close()
        process.stderr.close()
        self._jail = jail
        self._process = process
        self._name = name
        self._folder = folder
        self._task = task
        self._shared_kernel = shared_kernel
        self._init: int | None = None
        self._killer: subprocess.Popen[bytes] | None = None
        self._give_up = 0.0
        self._relays: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        code = self._process.poll()
        if code is None and self._killer is not None and (self._killer.poll() or time.monotonic() > self._give_up):
            # Not started yet, or the daemon is stuck: the client must not start it any more, nor be waited for.
            self._process.kill()
        return None if code is None else code if code >= 0 else 128 - code

    def kill(self) -> None:
        # When its first process ends, the kernel ends the whole container: nothing is left to kill then.
        if self._process.poll() is not None or self._killer is not None:
            return
        # Not waited for: the daemon answers only after the output has been read, which the caller does.
        quiet = subprocess.DEVNULL
        self._give_up = time.monotonic() + KILL_WITHIN_S
        self._killer = subprocess.Popen(
            [self._jail._docker, "kill", self._name],
            stdin=quiet,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )

    def signal(self, number: int) -> None:
        self._jail._ask("kill", "--signal", str(number), self._name)

    def usage(self) -> Usage | None:
        if not self._shared_kernel:
            return None
        if self._init is None:
            answer = self._jail._ask("inspect", "--format", "{{.State.Pid}}", self._name, timeout_s=10)
            text = answer.stdout.strip()
            if not text.isdigit() or text == b"0":
                return None
            self._init = int(text)
        return sample(descendants(self._init))

    def disk(self) -> str:
        return "" if self._init is None else disk_state(self._init, own_places(self._task))

    def measure(self) -> Usage | None:
        if self._shared_kernel:
            return self.usage()
        # The processes are in a virtual machine: one of their own has to look.
        answer = self._jail._ask("exec", self._name, "/bin/sh", "-c", "cat /proc/[0-9]*/status", timeout_s=10)
        rows = [line.split() for line in answer.stdout.splitlines()]
        sizes = [int(row[1]) for row in rows if row and row[0] in (b"RssAnon:", b"RssShmem:", b"VmSwap:")]
        return Usage(memory_bytes=sum(sizes) * 1024)

    def folders(self) -> list[Path]:
        return [self._folder / "out"]

    def reason(self) -> str | None:
        if self.poll() != 128 + signal.SIGKILL:
            return None
        answer = self._jail._ask("inspect", "--format", "{{json .State}}", self._name)
        with suppress(ValueError):
            return "memory" if json.loads(answer.stdout).get("OOMKilled") else None
        return None

    def laid_out(self) -> bool:
        return (self._folder / "out" / "ready").exists()

    def leftover(self) -> bytes:
        if not self._task.collect:
            return b""
        try:
            descriptor = os.open(self._folder / "out" / "files.tar", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return b""
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return b""
            return file.read(COLLECT_BYTES + (1 << 20))

    def connect(self, name: str, timeout_s: float | None) -> socket.socket | None:
        if self._shared_kernel:
            return None
        ours, theirs = socket.socketpair()
        words = ["exec", "-i", self._name, self._jail._image.python, "-I", "-S", f"{INSIDE}/in/relay.py"]
        with theirs:
            relay = subprocess.Popen(
                [self._jail._docker, *words, f"{SOCKETS}/{name}"],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        with self._lock:
            self._relays = [each for each in self._relays if each.poll() is None] + [relay]
        return ours

    def tidy(self) -> None:
        for helper in (*self._relays, *([self._killer] if self._killer else [])):
            helper.kill()
            helper.wait()
        self._jail._ask("rm", "-f", self._name)
        self._process.wait()
        remove_tree(self._folder)


def _empty_folder() -> Path:
    """A folder with nothing in it, to cover others with; it stays for the next command."""
    folder = Path(tempfile.gettempdir()) / f"{LABEL}-empty-{os.geteuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or any(folder.iterdir()):
        raise JailUnavailable(f"{folder} is not an empty folder of yours.", "Remove it and try again.")
    return folder


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no reason given"
