"""The same small assignment graded by what an instructor would use instead: a container each, check50, otter-grader.

Made equal: the students' files (a program that says whether a flight is late: right, wrong at the border, always late, broken), the
four questions, what each student gets for them (compared at the end), as many submissions at a time as there are cores, one start of the
tool for each submission, or for the class where it grades classes. Only a container keeps a submission from the machine, as the
jail does: so check50 runs once in one for each student, and once without, where a submission may read and change what it likes.
otter-grader asks its questions inside one process, and the others start the student's program for each. Work that never ends is
left out, since its time limit costs everybody the same.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.benchmarks import Table, meter
from tests.commands import LAB as COMMAND
from tests.unit.grading.conftest import make_lab

TITLE = "The same assignment, other graders"
QUESTIONS = {"16": "late", "15": "on time", "-5": "on time", "240": "late"}
KINDS = ("'late' if minutes > 15 else 'on time'", "'late' if minutes >= 15 else 'on time'", "'late'", "1 / 0")
POINTS = (4, 3, 2, 0)
PROGRAM = """import sys


def answer(minutes):
    return {body}


if __name__ == "__main__":
    print(answer(int(sys.argv[1])))
"""
# Their work is done by the engine, whose CPU time is not counted.
CONTAINED = ("docker run for each", "check50 in a container each")
IMAGE = "python:3.11-slim-bookworm"
PACKAGES = {"check50": ["check50>=3.5"], "otter": ["otter-grader>=6", "ipykernel"]}
CHECKS = f"QUESTIONS = {QUESTIONS!r}\n" + "".join(
    f'''
@check(points=1)
def check_q{number}(jail, submission):
    """What of {minutes} minutes?"""
    seen = jail.run(["python", "late.py", "{minutes}"], files=submission.path)
    assert seen.ok and seen.stdout.strip() == QUESTIONS["{minutes}"], f"it says {{seen.stdout.strip()!r}}"
'''
    for number, minutes in enumerate(QUESTIONS)
)
# What a grader in a container does at the least: the same four starts, and a record of the points.
IN_CONTAINER = f"""import json, subprocess, sys
asked = {QUESTIONS!r}
seen = {{m: subprocess.run([sys.executable, "late.py", m], cwd="/job", capture_output=True, text=True) for m in asked}}
print(json.dumps(sum(seen[m].returncode == 0 and seen[m].stdout.strip() == asked[m] for m in asked)))
"""
CHECK50 = "import check50\n" + "".join(
    f'''
@check50.check()
def q{number}():
    """What of {minutes} minutes?"""
    check50.run("PYTHON late.py {minutes}").stdout("{says}\\n", regex=False, timeout=60).exit(0, timeout=60)
'''
    for number, (minutes, says) in enumerate(QUESTIONS.items())
)
CHECK50_OPTIONS = ("--dev", "--log-level", "ERROR", "-o", "json", "--")
CHECK50_IMAGE = "bench-check50:latest"
OTTER = """OK_FORMAT = True
test = {{"name": "q{number}", "points": 1, "suites": [{{"type": "doctest", "scored": True, "setup": "", "teardown": "",
    "cases": [{{"code": ">>> answer({minutes})\\n{says!r}", "hidden": False, "locked": False}}]}}]}}
"""


class Bench:
    """A class, and each way to grade it; a way gives each student's points."""

    def __init__(self, folder: Path, students: int) -> None:
        self.folder, self.source = folder, folder / "class"
        make_lab(folder / "course", CHECKS)
        for number in range(students):
            path = self.source / f"s{number:03}" / "late.py"
            path.parent.mkdir(parents=True)
            path.write_text(PROGRAM.format(body=KINDS[number % len(KINDS)]))
        self.students = sorted(self.source.iterdir())
        self.expected = {path.name: POINTS[at % len(POINTS)] for at, path in enumerate(self.students)}

    def lab(self, out: Path) -> dict[str, float]:
        argv = [*COMMAND, "grade", str(self.source), "--lab", "01", "--out", str(out), "--json"]
        done = subprocess.run(
            argv, env={**os.environ, "SANDBOX_COURSE": str(self.folder / "course")}, capture_output=True, check=True
        )
        return {mark["id"]: mark["raw"] for mark in json.loads(done.stdout)["marks"]}

    def container(self, out: Path) -> dict[str, float]:
        script = self.folder / "grader.py"
        script.write_text(IN_CONTAINER)
        argv = ["docker", "run", "--rm", "--network", "none", "--memory", "512m", "-v", f"{script}:/grader.py:ro"]
        return self._each(
            lambda path: json.loads(_run([*argv, "-v", f"{path}:/job:ro", IMAGE, "python", "/grader.py"], path))
        )

    def check50(self, out: Path) -> dict[str, float]:
        problem = self._problem(sys.executable)
        program = str(self.venv("check50") / "bin" / "check50")
        return self._each(lambda path: _passed(_run([program, *CHECK50_OPTIONS, str(problem)], path, (0, 1))))

    def check50_in_container(self, out: Path) -> dict[str, float]:
        problem = self._problem("python")
        argv = [
            "docker",
            "run",
            "--rm",
            "--network",
            "none",
            "--memory",
            "512m",
            "-v",
            f"{problem}:/problem:ro",
            "-w",
            "/job",
        ]
        command = [CHECK50_IMAGE, "check50", *CHECK50_OPTIONS, "/problem"]
        return self._each(lambda path: _passed(_run([*argv, "-v", f"{path}:/job:ro", *command], path, (0, 1))))

    def _problem(self, python: str) -> Path:
        problem = self.folder / f"problem-{Path(python).name}"
        problem.mkdir(exist_ok=True)
        (problem / ".cs50.yaml").write_text("check50: true\n")
        (problem / "__init__.py").write_text(CHECK50.replace("PYTHON", python))
        return problem

    def otter(self, out: Path) -> dict[str, float]:
        program, tests, archive = (
            str(self.venv("otter") / "bin" / "otter"),
            self.folder / "tests",
            self.folder / "autograder.zip",
        )
        if not archive.is_file():
            tests.mkdir()
            for number, (minutes, says) in enumerate(QUESTIONS.items()):
                (tests / f"q{number}.py").write_text(OTTER.format(number=number, minutes=minutes, says=says))
            _run(
                [program, "generate", "-t", str(tests), "-o", str(archive), "--no-environment", "--no-requirements"],
                self.folder,
            )

        def one(path: Path) -> float:
            target = out.with_name(f"{out.name}-{path.name}")
            target.mkdir()
            _run(
                [program, "run", "-a", str(archive), "-o", str(target), "--no-logo", str(path / "late.py")], self.folder
            )
            return sum(
                test["score"]
                for test in json.loads((target / "results.json").read_text())["tests"]
                if test["name"] != "Public Tests"
            )

        return self._each(one)

    def venv(self, name: str) -> Path:
        """A scratch environment with one of the other graders in it, made once."""
        path = Path(tempfile.gettempdir()) / f"bench-{name}"
        if not (path / "made").is_file():
            subprocess.run([sys.executable, "-m", "venv", "--clear", path], check=True)
            subprocess.run([path / "bin" / "pip", "install", "-q", *PACKAGES[name]], check=True, capture_output=True)
            (path / "made").touch()
        return path

    def _each(self, one: Callable[[Path], float]) -> dict[str, float]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip((path.name for path in self.students), pool.map(one, self.students), strict=True))


def _passed(report: str) -> int:
    return sum(bool(row["passed"]) for row in json.loads(report)["results"])


def _run(argv: list[str], cwd: Path, ends_with: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True)
    if done.returncode not in ends_with:
        raise RuntimeError(f"{argv[0]}: exit status {done.returncode}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def measure(quick: bool) -> Table:
    """Each way in turns; the table has the median of the rounds."""
    students, few, rounds = (8, 8, 1) if quick else (200, 40, 3)
    seen: dict[str, list[tuple[float, float | None]]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-graders-") as name:
        classes = {number: Bench(Path(name) / str(number), number) for number in {students, few}}
        whole, part = classes[students], classes[few]
        # The last would take half an hour for the whole class.
        ways: dict[str, tuple[Bench, Callable[[Path], dict[str, float]]]] = {
            "lab grade": (whole, whole.lab),
            "docker run for each": (whole, whole.container),
            "check50 in a container each": (whole, whole.check50_in_container),
            "check50, nothing around it": (whole, whole.check50),
            "otter-grader": (part, part.otter),
        }
        left_out = _missing(whole, ways)
        for turn in range(rounds):
            for way, (bench, call) in ways.items():
                cost, points = meter.call(call, Path(name) / f"out-{turn}-{'-'.join(way.split()[:2])}")
                if points != bench.expected:
                    raise RuntimeError(f"{way} gives other points: {points}, not {bench.expected}")
                seen.setdefault(way, []).append((cost.seconds, None if way in CONTAINED else cost.cpu_s))
    ours = statistics.median(seconds for seconds, _ in seen["lab grade"]) / students
    rows = []
    for way, costs in seen.items():
        number = len(ways[way][0].students)
        seconds, cpu = statistics.median(s for s, _ in costs), [c for _, c in costs if c is not None]
        each = statistics.median(cpu) / number if cpu else None
        rows.append((way, str(number), seconds, 60 * number / seconds, each, seconds / number / ours))
    return Table(
        ("grader", "students", "seconds", "a minute", "CPU s each", "time for a student, lab grade = 1"), tuple(rows),
        (f"Median of {rounds} rounds in turns; the load was {os.getloadavg()[1]:.1f}. All gave every student the same points.", *left_out),
    )  # fmt: skip


def _missing(bench: Bench, ways: dict[str, Any]) -> list[str]:
    """Take out what this machine has not, and say so."""
    left_out = []
    if not shutil.which("docker"):
        left_out.append("Not measured: containers, since there is no Docker.")
        for way in CONTAINED:
            del ways[way]
    for which, prepare in (
        ("check50, nothing around it", lambda: bench.venv("check50")),
        ("check50 in a container each", _build_check50),
        ("otter-grader", lambda: bench.venv("otter")),
    ):
        try:
            if which in ways:
                prepare()
        except (OSError, subprocess.CalledProcessError):
            del ways[which]
            left_out.append(f"Not measured: {which}, which could not be installed.")
    return left_out


def _build_check50() -> None:
    recipe = f"FROM {IMAGE}\nRUN pip install -q {shlex.join(PACKAGES['check50'])}\n"
    subprocess.run(
        ["docker", "build", "-q", "-t", CHECK50_IMAGE, "-"], input=recipe.encode(), check=True, capture_output=True
    )
