"""A stranger's first hour: a Debian with Python, git and make only, an ordinary user, a fresh clone.

The machine is a container of its own without a Docker engine and, as containers are by default, without user namespaces.
It installs from the package index, so that it takes minutes and needs the network.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.needs("docker", "git")]

BASE = """
FROM python:3.11-slim-bookworm
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends git make && useradd --create-home learner
"""
# Debian's own Python where the image has one.
PATH = "/usr/bin:/bin:/usr/local/bin"
COURSE, UPSTREAM = "/home/learner/course", "/home/learner/upstream"
# A bare Debian has no `ps`.
RUNNING = """
import pathlib
for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    words = path.read_bytes().replace(b"\\0", b" ").decode()
    if words.startswith(f"{pathlib.Path.cwd()}/.venv"):
        print(words)
"""


@dataclass(frozen=True)
class Machine:
    """A container, and what its user types there."""

    container: str

    def types(self, command: str, *, folder: str = COURSE, user: str = "learner", status: int | None = 0) -> str:
        """Run a command line; what it printed. ``status`` None: any."""
        options = ["--user", user, "--workdir", folder, "--env", f"PATH={PATH}"]
        done = subprocess.run(
            ["docker", "exec", *options, self.container, "sh", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=1500,
        )
        assert status is None or done.returncode == status, f"$ {command}\n{done.stdout[-6000:]}"
        return done.stdout


def working_tree() -> bytes:
    """A tar of the files that git knows or would take in, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in sorted(set(listed.stdout.decode().split("\0")) - {""}):
            if (ROOT / name).is_symlink() or (ROOT / name).is_file():
                tar.add(ROOT / name, name)
    return packed.getvalue()


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """A container with a clone of the working tree in its user's home."""
    built = subprocess.run(["docker", "build", "--quiet", "-"], input=BASE.encode(), capture_output=True, check=False)
    assert built.returncode == 0, built.stderr.decode()
    image = built.stdout.decode().strip()
    began = subprocess.run(
        ["docker", "run", "--detach", image, "sleep", "7200"], capture_output=True, text=True, check=True
    )
    container = began.stdout.strip()
    try:
        made = Machine(container)
        made.types(f"mkdir {UPSTREAM}", folder="/", user="root")
        subprocess.run(["docker", "cp", "-", f"{container}:{UPSTREAM}"], input=working_tree(), check=True)
        made.types("chown -R learner: .", folder=UPSTREAM, user="root")
        identity = "-c user.name=course -c user.email=course@example.invalid"
        made.types(f"git init -q . && git add -A && git {identity} commit -qm course", folder=UPSTREAM)
        made.types(f"git clone -q {UPSTREAM} {COURSE}", folder="/")
        yield made
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", container], capture_output=True, check=False)


def test_two_commands_and_the_first_lab(machine: Machine) -> None:
    said = machine.types("make start")
    assert "The sandbox runs" in said and "local processes" in said
    assert "docker is not installed" in said, "it must say why there are no containers"
    assert "A first prediction: UA from EWR to ORD" in said

    running = "json.load(sys.stdin)['units']]"
    running = f".venv/bin/lab status --json | python3 -c \"import json, sys; print([u['pid'] for u in {running})\""
    before = machine.types(running)
    again = machine.types("make start")
    assert "building" not in again and "preparing" not in again
    assert machine.types(running) == before, "a second start changed something"

    machine.types("make begin LAB=00")
    red = machine.types("make check LAB=00", status=2)  # make's own exit status for a command that failed
    assert "No wall" in red and "process jail" in red, "the process wall must be told"
    answers = "SERVICE_URL=http://127.0.0.1:8000 SERVICE_LOG=../../.sandbox/logs/service.log"
    machine.types(f"{answers} python3 ../../solutions/00-orientation/_build.py", folder=f"{COURSE}/work/00-orientation")
    machine.types("make check LAB=00")

    doctor = machine.types("make doctor")
    assert "docker" in doctor and "sudo apt-get install docker.io" in doctor

    machine.types("make stop")
    assert "Nothing is started" in machine.types("make status", status=2)
    machine.types("make clean")
    left = machine.types("git status --porcelain --ignored").split("\n")
    assert [line for line in left if line] == ["!! work/"]
    assert machine.types(f"python3 -c '{RUNNING}'") == "", "a process was left"


def test_pip_alone_sets_it_up(machine: Machine) -> None:
    said = machine.types("python3 sandbox/bootstrap.py --bare --no-uv --venv ../with-pip")
    assert "uv" not in said.split()
    assert machine.types("../with-pip/bin/lab --version").startswith("lab ")
    assert machine.types("python3 sandbox/bootstrap.py --bare --no-uv --venv ../with-pip") == "", "nothing was to do"
