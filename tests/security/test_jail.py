"""What the jail promises, tried by force behind each wall that promises it.

Each attack runs as a submission would, and says on its standard output how far it came. The walls `bubblewrap` and
`docker` make every promise here; `process` makes none of them but the limits on time and output.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sandbox.jail import Finished, Jail, JailUnavailable, Limits, ServiceDied, ServiceNotReady, open_jail

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

DOCKER = pytest.param("docker", marks=pytest.mark.needs("docker"))


@pytest.fixture(scope="module", params=["bubblewrap", DOCKER])
def jail(request: pytest.FixtureRequest) -> Iterator[Jail]:
    try:
        opened = open_jail(request.param)
    except JailUnavailable as error:
        if os.environ.get("SANDBOX_REQUIRE") == "1":
            raise
        pytest.skip(str(error))
    with opened:
        yield opened


@pytest.fixture(scope="module", params=["bubblewrap", DOCKER, "process"])
def any_jail(request: pytest.FixtureRequest) -> Iterator[Jail]:
    try:
        opened = open_jail(request.param)
    except JailUnavailable as error:
        if os.environ.get("SANDBOX_REQUIRE") == "1":
            raise
        pytest.skip(str(error))
    with opened:
        yield opened


def attack(jail: Jail, code: str, **options: object) -> Finished:
    """Run a Python program in the jail."""
    return jail.run(["python", "attack.py"], files={"attack.py": textwrap.dedent(code)}, **options)  # type: ignore[arg-type]


def mark() -> str:
    """A number for ``sleep`` that no other process on the machine has on its command line."""
    return f"9{secrets.randbelow(10**7):07d}.{secrets.randbelow(10**7):07d}"


def alive(words: str) -> list[int]:
    """Processes of the host with these words on their command line."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(process.info["cmdline"] or ())
        if words in line and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def gone(words: str, within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while alive(words):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


# What it may see


def test_no_network_but_its_own_loopback(jail: Jail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as judge:
        judge.settimeout(0.01)
        port = judge.getsockname()[1]
        seen = attack(
            jail,
            f"""
            import socket
            for host, port in [("127.0.0.1", {port}), ("192.0.2.1", 80), ("2001:db8::1", 80)]:
                try:
                    socket.create_connection((host, port), timeout=2)
                    print("reached", host)
                except OSError:
                    pass
            try:
                socket.getaddrinfo("example.org", 80); print("resolved")
            except OSError:
                pass
            own = socket.create_server(("127.0.0.1", 0))
            socket.create_connection(own.getsockname(), timeout=2)
            print("names", sorted(name for _, name in socket.if_nameindex() if name == "lo" or not name.endswith("0")))
            """,
        )
        with pytest.raises(TimeoutError):
            judge.accept()
    assert seen.stdout == "names ['lo']\n", seen.output


def test_abstract_sockets_of_the_host_are_out_of_reach(jail: Jail) -> None:
    name = f"\0judge-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX) as judge:
        judge.bind(name)
        judge.listen()
        seen = attack(
            jail,
            f"""
            import socket
            socket.socket(socket.AF_UNIX).connect({name!r})
            print("reached")
            """,
        )
    assert "ConnectionRefusedError" in seen.stderr and not seen.stdout


def test_sees_no_process_of_the_host(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        import os
        for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdigit()):
            print(ascii(open(f"/proc/{pid}/cmdline").read()))
        """,
    )
    assert seen.ok, seen.stderr
    assert len(seen.stdout.splitlines()) < 12
    assert "pytest" not in seen.stdout and str(REPOSITORY / "tests") not in seen.stdout


def test_no_signal_reaches_the_judge(jail: Jail) -> None:
    got: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: got.append(number))
    try:
        seen = attack(
            jail,
            f"""
            import os, signal
            for pid in [{os.getpid()}, {os.getppid()}, -1, 0]:
                signal.signal(signal.SIGUSR1, signal.SIG_IGN)
                try:
                    os.kill(pid, signal.SIGUSR1)
                except OSError:
                    pass
            print(os.getppid())
            """,
        )
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen.ok, seen.stderr
    assert got == []


def test_environment_is_clean(jail: Jail, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = secrets.token_hex(16)
    monkeypatch.setenv("JUDGE_TOKEN", secret)
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    seen = attack(
        jail,
        """
        import glob, os
        print(sorted(os.environ))
        for name in glob.glob("/proc/[0-9]*/environ"):
            try:
                print(open(name).read())
            except OSError:
                pass
        """,
        env={"GIVEN": "yes"},
    )
    assert "GIVEN" in seen.stdout
    assert "JUDGE_TOKEN" not in seen.stdout and secret not in seen.stdout and "PYTHONPATH" not in seen.stdout


def test_host_files_and_course_checkout_are_not_there(jail: Jail, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("solutions")
    home = Path.home()
    targets = [
        secret,
        REPOSITORY / "pyproject.toml",
        REPOSITORY / "sandbox",
        REPOSITORY / "solutions",
        REPOSITORY / "labs",
        REPOSITORY / ".git",
        home / ".bashrc",
        home / ".ssh",
        home / ".config",
        Path("/etc/shadow"),
        Path("/etc/hostname"),
        Path("/var"),
        Path("/home/nobody"),
        Path("/boot"),
        Path("/run/docker.sock"),
        Path("/var/run/docker.sock"),
        Path("/run/containerd/containerd.sock"),
        Path("/run/user"),
    ]
    seen = attack(
        jail,
        f"""
        import os
        for path in {[str(path) for path in targets]!r}:
            try:
                found = os.listdir(path) if os.path.isdir(path) else [open(path).read()]
                if found:
                    print(path, found)
            except OSError:
                pass
        print("parent", sorted(os.listdir({str(REPOSITORY)!r})))
        """,
    )
    inside = [".venv"] if Path(sys.prefix).parent == REPOSITORY else []
    if not seen.ok:
        assert f"'{REPOSITORY}'" in seen.stderr and not inside
    else:
        # Docker makes a file of this name in every container; it has the container's name in it, not the host's.
        lines = [line for line in seen.stdout.splitlines() if line != "/etc/hostname ['jail\\n']"]
        assert lines == [f"parent {inside}"]


def test_the_judges_package_cannot_be_imported(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        import importlib.util, sys
        import numpy
        spec = importlib.util.find_spec("sandbox")
        print(spec and (spec.origin or list(spec.submodule_search_locations)))
        try:
            import sandbox.jail
            print("imported")
        except ImportError:
            print("no")
        """,
    )
    assert seen.ok, seen.stderr
    assert seen.stdout.splitlines()[-1] == "no"


def test_other_submissions_are_not_there(jail: Jail) -> None:
    word = secrets.token_hex(16)
    program = "import os,socket,time; s=socket.socket(socket.AF_UNIX); s.bind('/run/sockets/http.sock'); s.listen()\n"
    program += "open('/tmp/mine','w').write('x'); open('/dev/shm/mine','w').write('x'); time.sleep(50)"
    with jail.serve(["python", "-c", program, word], files={"answer.txt": word}, ready=None):
        seen = attack(
            jail,
            """
            import glob, os
            # Where the course lies below /tmp, the empty folders on the way to it are there.
            shared = [name for name in os.listdir("/tmp") if os.path.isfile("/tmp/" + name)]
            print(os.listdir("/job"), shared, os.listdir("/dev/shm"), os.listdir("/run/sockets"))
            for name in glob.glob("/proc/[0-9]*/cmdline"):
                print(open(name).read())
            """,
        )
    assert seen.stdout.startswith("['attack.py'] [] [] []"), seen.output
    assert word not in seen.stdout


# What it may write


def test_only_its_own_places_can_be_written(jail: Jail) -> None:
    seen = attack(
        jail,
        f"""
        import os
        places = ["/", "/usr", "/etc", "/etc/passwd", "/dev", "/usr/local", "/run", "/run/jail", "/proc/sys/kernel/hostname",
                  "/proc/sysrq-trigger", "/sys", {sys.prefix!r}, {os.path.dirname(os.__file__)!r}, "/usr/bin/env"]
        for place in places:
            target = os.path.join(place, "written") if os.path.isdir(place) else place
            try:
                with open(target, "a") as file:
                    file.write("0")
                print("wrote", target)
            except OSError:
                pass
        for place in ["/job", "/tmp", "/dev/shm", "/run/sockets"]:
            open(os.path.join(place, "written"), "w").write("x")
        """,
    )
    assert seen.ok, seen.stderr
    assert seen.stdout == ""


@pytest.mark.parametrize("place", ["/job", "/tmp", "/dev/shm", "/run/sockets"])
def test_disk_is_limited(jail: Jail, place: str) -> None:
    seen = attack(
        jail,
        f"""
        import os
        written = 0
        try:
            for number in range(100000):
                with open(f"{place}/{{number}}", "wb") as file:
                    file.write(bytes(1 << 20))
                written += 1
        except OSError as error:
            print(written, error.errno)
        """,
        limits=Limits(disk_mb=48, timeout_s=60),
    )
    written, number = map(int, seen.stdout.split())
    assert number in (12, 28)
    assert written <= 64


def test_a_service_cannot_fill_the_shared_folder(jail: Jail) -> None:
    program = """
    import socket, time
    listener = socket.socket(socket.AF_UNIX); listener.bind("/run/sockets/http.sock"); listener.listen()
    try:
        for number in range(10**6):
            open(f"/run/sockets/{number}", "wb").write(bytes(1 << 20))
            time.sleep(0.001)
    except OSError:
        print("full")
    time.sleep(60)
    """
    with jail.serve(["python", "-c", textwrap.dedent(program)], ready=None, limits=Limits(timeout_s=50)) as service:
        finished = service.wait(30)
    assert finished is not None
    assert finished.limit == "disk"


def test_an_inode_bomb_ends(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        number = 0
        try:
            while True:
                open(f"/job/{number}", "w").close()
                number += 1
        except OSError:
            print("refused", number)
        """,
        limits=Limits(timeout_s=20),
    )
    assert seen.limit == "disk" or "refused" in seen.stdout, seen


def test_file_size_is_limited(any_jail: Jail) -> None:
    seen = attack(
        any_jail,
        """
        import os
        file = open("big", "wb")
        try:
            for _ in range(100):
                file.write(bytes(1 << 20)); file.flush()
        except OSError as error:
            print(os.fstat(file.fileno()).st_size >> 20)
        """,
        limits=Limits(file_mb=8),
    )
    assert seen.stdout == "8\n"


def test_the_files_are_a_private_copy(any_jail: Jail, tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "a.txt").write_text("mine")
    seen = any_jail.run(["sh", "-c", "echo changed >a.txt; cat a.txt; rm a.txt"], files=tmp_path / "work")
    assert seen.stdout == "changed\n"
    assert (tmp_path / "work" / "a.txt").read_text() == "mine"


def test_links_and_devices_of_a_submission_lead_nowhere(any_jail: Jail, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("solutions")
    work = tmp_path / "work"
    work.mkdir()
    (work / "inside.txt").write_text("inside")
    (work / "good").symlink_to("inside.txt")
    (work / "absolute").symlink_to(secret)
    (work / "upward").symlink_to("../secret")
    (work / "folder").symlink_to(tmp_path)
    os.mkfifo(work / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(work / "socket"))
        seen = any_jail.run(["sh", "-c", "ls; cat good absolute upward folder/secret pipe"], files=work)
    assert seen.stdout.split() == ["good", "inside.txt", "inside"]


@pytest.mark.parametrize("mode", [0o777, 0o700])
def test_mounts_are_read_only(jail: Jail, tmp_path: Path, mode: int) -> None:
    (tmp_path / "given").write_text("given")
    tmp_path.chmod(mode)
    seen = jail.run(
        ["sh", "-c", "cat /given/given; echo x >/given/given; touch /given/new; rm -f /given/given"],
        mounts={"/given": tmp_path},
    )
    assert seen.stdout == "given"
    assert [path.name for path in tmp_path.iterdir()] == ["given"]
    assert (tmp_path / "given").read_text() == "given"


# Who it is


def test_is_not_root_and_cannot_become_it(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        import ctypes, os, subprocess
        print(0 in os.getresuid() + os.getresgid() + tuple(os.getgroups()))
        for change in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.setresuid(0, 0, 0)):
            try:
                change(); print("became")
            except OSError:
                pass
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        print([status[name].strip() for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")])
        print(subprocess.run(["su", "-c", "id"], capture_output=True, stdin=subprocess.DEVNULL).returncode != 0)
        """,
    )
    assert seen.ok, seen.stderr
    lines = seen.stdout.splitlines()
    assert lines[0] == "False"
    assert lines[-1] == "True"
    assert "became" not in lines
    rights = lines[-2]
    assert rights == str(["0" * 16] * 4 + ["1"])


def test_setuid_programs_give_nothing(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        import os, shutil, stat, subprocess
        shutil.copy("/usr/bin/id", "/tmp/id")
        os.chmod("/tmp/id", 0o6755)
        print(subprocess.run(["/tmp/id", "-u"], capture_output=True, text=True).stdout.strip() == str(os.getuid()))
        for folder in ("/usr/bin", "/usr/sbin"):
            for name in os.listdir(folder):
                path = os.path.join(folder, name)
                if os.lstat(path).st_mode & stat.S_ISUID:
                    print("setuid honoured" if not os.statvfs(path).f_flag & os.ST_NOSUID else "nosuid")
        """,
    )
    assert seen.ok, seen.stderr
    lines = seen.stdout.splitlines()
    assert lines[0] == "True"
    # With no_new_privs the kernel ignores the bit, whether or not the mount does too.


def test_no_new_namespaces_no_mounts_no_tracing(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        import ctypes, os
        libc = ctypes.CDLL(None, use_errno=True)
        NEWUSER, NEWNS, NEWNET = 0x10000000, 0x00020000, 0x40000000
        for flags in (NEWUSER, NEWUSER | NEWNS, NEWNET, NEWNS):
            print("unshare", libc.unshare(flags))
        print("mount", libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
        print("chroot", libc.chroot(b"/tmp"))
        child = os.fork()
        if child == 0:
            import time; time.sleep(5); os._exit(0)
        print("mount", libc.umount(b"/job"))
        try:
            os.mknod("/tmp/disk", 0o660 | 0o060000, os.makedev(254, 0)); print("mknod 0")
        except OSError:
            pass
        os.kill(child, 9)
        """,
    )
    assert seen.ok, seen.stderr
    assert {line.split()[1] for line in seen.stdout.splitlines()} == {"-1"}, seen.stdout


def test_terminal_injection_has_no_terminal(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        import fcntl, os, termios
        for target in ("/dev/tty", "/dev/stdin", "/dev/console"):
            try:
                fcntl.ioctl(os.open(target, os.O_RDWR | os.O_NOCTTY), termios.TIOCSTI, b"x")
                print("typed")
            except OSError:
                pass
        print(os.getsid(0) != 0)
        """,
    )
    assert "typed" not in seen.stdout


# What it may use


def test_memory_of_one_process(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        blocks = []
        while True:
            blocks.append(bytearray(b"x") * (16 << 20))
        """,
        limits=Limits(memory_mb=200, timeout_s=30),
    )
    assert not seen.ok and not seen.timed_out
    assert "MemoryError" in seen.stderr or seen.limit == "memory"


def test_memory_of_all_processes_together(any_jail: Jail) -> None:
    seen = attack(
        any_jail,
        """
        import os, time
        for _ in range(8):
            if os.fork() == 0:
                block = bytearray(b"x") * (100 << 20)
                time.sleep(60)
                os._exit(0)
        time.sleep(60)
        """,
        limits=Limits(memory_mb=200, timeout_s=30),
    )
    assert seen.limit == "memory", seen
    assert seen.duration_s < 20


@pytest.mark.parametrize("way", ["memfd", "shared map", "sysv"])
def test_memory_that_no_process_owns(jail: Jail, way: str) -> None:
    seen = attack(
        jail,
        f"""
        import ctypes, mmap, os, time
        libc = ctypes.CDLL(None, use_errno=True)
        kept = []
        try:
            for _ in range(64):
                if {way!r} == "memfd":
                    kept.append(os.memfd_create("x")); os.write(kept[-1], bytes(32 << 20))
                elif {way!r} == "shared map":
                    block = mmap.mmap(-1, 32 << 20); kept.append(block)
                    for page in range(0, 32 << 20, 4096): block[page] = 1
                else:
                    number = libc.shmget(0, 32 << 20, 0o1600)
                    if number < 0: raise OSError
                    libc.shmat.restype = ctypes.c_void_p
                    place = libc.shmat(number, None, 0); ctypes.memset(place, 1, 32 << 20); kept.append(place)
        except OSError:
            pass
        print(len(kept) * 32)
        time.sleep(3)
        """,
        # The docker wall counts its file systems with the memory: 200 + 16 + 16 + 64 MiB.
        limits=Limits(memory_mb=200, disk_mb=16, timeout_s=30),
    )
    used = int(seen.stdout) if seen.stdout else 0
    assert seen.limit == "memory" or used <= 320, seen


def test_fork_bomb_is_contained(jail: Jail) -> None:
    word = mark()
    seen = jail.run(
        ["sh", "-c", f"bomb() {{ sleep {word} & bomb | bomb & }}; bomb; sleep {word}"],
        limits=Limits(processes=60, timeout_s=3),
    )
    assert not seen.ok or seen.duration_s < 3
    assert gone(word)


def test_process_count_is_limited(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        import os, time
        made = 0
        try:
            for _ in range(500):
                if os.fork() == 0:
                    time.sleep(20)
                    os._exit(0)
                made += 1
        except OSError:
            print(made)
        """,
        limits=Limits(processes=50),
    )
    assert seen.ok, seen
    assert 30 <= int(seen.stdout) <= 52


def test_cpu_time_is_limited(any_jail: Jail) -> None:
    seen = attack(any_jail, "while True: pass", limits=Limits(cpu_s=1, timeout_s=30))
    assert seen.limit == "cpu", seen
    assert not seen.timed_out


def test_cpu_time_is_limited_for_one_who_ignores_the_signal(any_jail: Jail) -> None:
    code = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    seen = attack(any_jail, code, limits=Limits(cpu_s=1, timeout_s=30))
    assert seen.limit == "cpu", seen
    assert not seen.timed_out


def test_output_flood_is_cut_and_drained(any_jail: Jail) -> None:
    seen = attack(
        any_jail,
        """
        import os, sys
        for _ in range(160):
            os.write(1, b"o" * 65536); os.write(2, b"e" * 65536)
        print("to the end", file=open("end", "w"))
        """,
        collect=["end"],
    )
    assert seen.ok
    assert len(seen.stdout) == len(seen.stderr) == 1 << 20
    assert seen.truncated
    assert seen.files["end"] == b"to the end\n"


def test_endless_output_ends_with_the_time(any_jail: Jail) -> None:
    seen = any_jail.run(["sh", "-c", "yes & yes >&2"], limits=Limits(timeout_s=2))
    assert seen.timed_out and seen.truncated
    assert len(seen.stdout) == 1 << 20


# How it ends


def test_killed_whole_when_the_time_is_up(any_jail: Jail) -> None:
    word = mark()
    seen = attack(
        any_jail,
        f"""
        import os, signal, subprocess, time
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        subprocess.Popen(["sleep", "{word}"])
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.setsid()
                subprocess.Popen(["sleep", "{word}"], start_new_session=True)
                time.sleep(100)
            os._exit(0)
        print("started", flush=True)
        time.sleep(100)
        """,
        limits=Limits(timeout_s=2),
    )
    assert seen.timed_out and seen.limit == "time" and seen.exit_status is None
    assert seen.stdout == "started\n"
    assert seen.duration_s < 15
    assert gone(word)


def test_daemons_left_behind_are_killed_at_the_end(any_jail: Jail) -> None:
    word = mark()
    began = time.monotonic()
    seen = any_jail.run(["sh", "-c", f"setsid sh -c 'sleep {word} & sleep {word}' & echo done"])
    assert seen.ok and seen.stdout == "done\n"
    assert time.monotonic() - began < 15
    assert gone(word)


@pytest.mark.parametrize("wall", ["bubblewrap"])
def test_dies_with_a_judge_that_is_killed(wall: str, tmp_path: Path) -> None:
    word = mark()
    program = f"""
from sandbox.jail import open_jail
open_jail({wall!r}).run(["sh", "-c", "setsid sleep {word} & sleep {word}"])
"""
    judge = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path)
    deadline = time.monotonic() + 20
    while len(alive(word)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert alive(word)
    judge.kill()
    judge.wait()
    assert gone(word)


def test_close_kills_what_runs(any_jail: Jail) -> None:
    word = mark()
    results: list[Finished] = []
    runner = threading.Thread(target=lambda: results.append(any_jail.run(["sleep", word])))
    runner.start()
    deadline = time.monotonic() + 20
    while not alive(f"sleep {word}") and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    any_jail.close()
    runner.join(20)
    assert not runner.is_alive()
    assert results[0].exit_status is None and not results[0].timed_out
    assert gone(word)


def test_an_interrupt_of_the_judge_kills_the_service(any_jail: Jail) -> None:
    word = mark()
    program = f"import socket,time; s=socket.socket(socket.AF_UNIX); s.bind('{{}}/http.sock'); s.listen(); {word}; time.sleep(60)"
    argv = ["python", "-c", program.replace("'{}/http.sock'", "__import__('os').environ['JAIL_SOCKETS']+'/http.sock'")]
    with pytest.raises(KeyboardInterrupt), any_jail.serve(argv, ready=None):
        raise KeyboardInterrupt
    assert gone(word)


# What comes out


def test_collected_files_are_data(any_jail: Jail, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("solutions")
    seen = attack(
        any_jail,
        f"""
        import os
        os.symlink({str(secret)!r}, "link")
        os.symlink("/etc", "etc")
        os.mkdir("out")
        open("out/a", "w").write("a")
        os.link("out/a", "out/b")
        os.symlink("../../../../etc/passwd", "out/c")
        os.mkfifo("out/pipe")
        open("out/new\\nline", "w").write("n")
        """,
        collect=["link", "etc", "etc/passwd", "out", "missing"],
    )
    assert seen.ok, seen.stderr
    files = {name: data for name, data in seen.files.items() if name != "etc/passwd"}
    assert set(files) <= {"out/a", "out/b", "out/new\nline"} and files["out/a"] == b"a"
    if any_jail.name == "process":
        assert "etc/passwd" not in seen.files
    assert b"solutions" not in b"".join(seen.files.values())


def test_a_forged_archive_writes_nothing_and_swells_nothing(jail: Jail) -> None:
    seen = attack(
        jail,
        """
        import glob, os, tarfile, io
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for name, kind in [("../../evil", tarfile.REGTYPE), ("/evil", tarfile.REGTYPE), ("out/x", tarfile.SYMTYPE)]:
                entry = tarfile.TarInfo(name); entry.type = kind; entry.linkname = "/etc/passwd"; tar.addfile(entry)
            entry = tarfile.TarInfo("out/sparse"); entry.size = 1 << 40
            archive.write(entry.tobuf())
        for path in [*glob.glob("/proc/[0-9]*/fd/5"), "/run/jail/out/files.tar"]:
            try:
                with open(path, "wb") as stream:
                    stream.write(archive.getvalue())
            except OSError:
                pass
        """,
        collect=["out"],
    )
    assert dict(seen.files) == {}


def test_a_service_cannot_lead_the_judge_to_another_socket(jail: Jail, tmp_path: Path) -> None:
    target = Path("/tmp") / f"judge-{secrets.token_hex(4)}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(target))
        listener.listen()
        listener.settimeout(0.01)
        try:
            program = f"import os,time; os.symlink({str(target)!r}, '/run/sockets/http.sock'); time.sleep(60)"
            with (
                pytest.raises(ServiceNotReady),
                jail.serve(["python", "-c", program], ready=None, ready_timeout_s=2),
            ):
                pass
            with pytest.raises(TimeoutError):
                listener.accept()
        finally:
            target.unlink()


def test_git_configuration_of_a_submission_runs_inside_only(jail: Jail, tmp_path: Path) -> None:
    work = tmp_path / "work"
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    trap = tmp_path / "trapped"
    with (work / ".git" / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = touch {trap} /tmp/ran; false\n[alias]\n\tst = !touch {trap}\n")
    (work / "file").write_text("x")
    seen = jail.run(["sh", "-c", "git status --porcelain; ls /tmp"], files=work)
    lines = seen.stdout.splitlines()
    assert "?? file" in lines, seen
    assert "ran" in lines, "the trap was laid wrongly: the attack has not run"
    assert not trap.exists()


def test_nothing_of_a_jail_stays_on_the_host(any_jail: Jail) -> None:
    before = set(Path("/tmp").glob("jail-*"))
    program = "import os,time; os.makedirs('/run/sockets/a/b'); os.chmod('/run/sockets/a', 0); time.sleep(60)"
    with pytest.raises((ServiceNotReady, ServiceDied)), any_jail.serve(["python", "-c", program], ready_timeout_s=1.5):
        pass
    any_jail.run(["sh", "-c", "mkdir a; touch a/b; chmod 0 a"])
    left = set(Path("/tmp").glob("jail-*")) - before
    # Another test run on this machine may have jails of its own: theirs go away too.
    deadline = time.monotonic() + 60
    while any(folder.exists() for folder in left) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not [folder for folder in left if folder.exists()]
