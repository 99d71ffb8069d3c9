"""What grading a class costs: submissions a minute, CPU over the bare cost of the commands, memory, and a second run.

The assignment is small on purpose (one check
that starts the submission in the jail for each of two faults), so that what is measured is the grader and not the student's
code. Beside it: a container for each submission (``docker run``), which runs the same two commands and nothing else; that
is the least which a grader in a container does. Both keep as many submissions in work as there are cores. Of the class one in
four is right, wrong, faulty or hostile (it never ends and is stopped after two seconds, on both sides).
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.benchmarks import Table
from tests.unit.grading.conftest import make_lab

TITLE = "Grading a class"

CHECKS = '''
from sandbox.jail import Limits

@check(points=2)
@each_fault("things")
def check_catches(fault, jail, submission):
    """You catch {fault.title}."""
    seen = jail.run(["python", "code.py", fault.name], files=submission.path, limits=Limits(timeout_s=2))
    assert seen.ok, "it did not end well"
'''
KINDS = ("a = 1\n", "raise SystemExit(1)\n", "import sys\nsys.exit(sys.argv[1] == 'two')\n", "while True: pass\n")
IMAGE = "python:3.11-slim-bookworm"


@dataclass(frozen=True)
class Row:
    """One way to grade the class."""

    name: str
    students: int
    seconds: float
    a_minute: float
    cpu_s_each: float | None
    peak_mb: float | None


def make_class(folder: Path, students: int) -> Path:
    """A course of one small lab, and a class that has handed it in."""
    make_lab(folder / "course", CHECKS)
    for number in range(students):
        path = folder / "class" / f"s{number:04}"
        path.mkdir(parents=True)
        (path / "code.py").write_text(KINDS[number % len(KINDS)])
    return folder / "class"


def grade(name: str, folder: Path, students: int, *more: str) -> Row:
    """`lab grade` as a process of its own; its memory is that of the judge, without the workers that it starts."""
    command = [sys.executable, "-c", "from sandbox.cli import main; main()", "grade", str(folder / "class"), "--lab", "01",
               "--json", *more]  # fmt: skip
    env = {**os.environ, "SANDBOX_COURSE": str(folder / "course")}
    before, began, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            peak = max(peak, seen.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.05)
    if process.wait():
        raise RuntimeError(f"{name}: exit status {process.returncode}")
    return _row(name, students, began, before, peak / 1e6)


def bare(folder: Path, students: int) -> Row:
    """The same commands, nothing around them: what no grader can go below."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: [_command([sys.executable, "code.py", f], path) for f in ("one", "two")],
                      sorted((folder / "class").iterdir())))  # fmt: skip
    return _row("the bare commands", students, began, before, None)


def containers(folder: Path, students: int) -> Row:
    """A container for each submission, in which both commands run."""
    script = "timeout 2 python code.py one; timeout 2 python code.py two; true"
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()

    def one(path: Path) -> None:
        subprocess.run(
            ["docker", "run", "--rm", "--network", "none", "-v", f"{path}:/job:ro", "-w", "/job", IMAGE, "sh", "-c", script],
            capture_output=True, check=True,
        )  # fmt: skip

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, sorted((folder / "class").iterdir())[:students]))
    row = _row("docker run for each", students, began, before, None)
    # Its work is done by the engine, which is no child of ours: its CPU cannot be told apart here.
    return Row(**{**asdict(row), "cpu_s_each": None})


def _command(argv: list[str], path: Path) -> None:
    try:
        subprocess.run(argv, cwd=path, capture_output=True, timeout=2)
    except subprocess.TimeoutExpired:
        return


def _row(name: str, students: int, began: float, before: resource.struct_rusage, peak_mb: float | None) -> Row:
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Row(name, students, seconds, 60 * students / seconds, cpu / students, peak_mb)


def measure(quick: bool) -> Table:
    """The same class, graded by each."""
    students, contained = (20, 8) if quick else (200, 40)
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-class-") as name:
        small, folder = Path(name) / "small", Path(name) / "whole"
        make_class(small, students // 5)
        make_class(folder, students)
        rows.append(bare(folder, students))
        rows.append(grade("lab grade, a fifth of the class", small, students // 5))
        rows.append(grade("lab grade", folder, students))
        rows.append(grade("lab grade, unchanged", folder, students))
        if shutil.which("docker"):
            rows.append(containers(folder, contained))
    return Table(
        ("way", "students", "seconds", "a minute", "CPU s each", "peak MB of the judge"),
        tuple((row.name, row.students, row.seconds, row.a_minute, row.cpu_s_each, row.peak_mb) for row in rows),
        () if shutil.which("docker") else ("Not measured: containers, since there is no Docker.",),
    )
