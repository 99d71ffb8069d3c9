"""The learner's loop, really run: check, hint, watch and verify on a small course, through the command `lab`."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from sandbox.course import Course
from sandbox.grading.results import CheckResult, LabResult
from sandbox.grading.scaffold import new_lab
from sandbox.reports.terminal import print_summary

LAB = str(Path(sys.executable).with_name("lab"))
OUTCOMES = '''
from sandbox.grading import Blocked, check, each_fault, fail


@check(points=1)
def check_good(submission):
    """A file is there."""
    submission.read("greeting.py")


@check(points=2, hint="Look at the number.")
def check_number(submission):
    """The number is right."""
    if "42" not in submission.read("greeting.py"):
        fail("the number is wrong", observed="41", expected="42")


@check(points=1, after="number")
def check_later():
    """This comes later."""


@check(points=2)
@each_fault("example")
def check_each(fault):
    """Your work notices {fault.title}."""
    assert fault.name == "nobody", "it did not"
'''
SLEEPS = '''

@check(points=1)
def check_sleeps():
    """It takes its time."""
    import time
    time.sleep(50)
'''
BLOCKED = '''

@check(points=1)
def check_tool():
    """A tool is used."""
    raise Blocked("hammer", "Get one from the shed.")
'''
BROKEN = '''

@check(points=1)
def check_broken():
    """The course's own mistake."""
    raise KeyError("oops")
'''
HINTS = "## number\n\n1. Look at {observed}.\n2. Which number is it?\n3. Almost: four and two.\n\n## each\n\n1. a\n2. b\n3. c\n"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course of one lab, made by `lab new`, begun."""
    (tmp_path / "labs").mkdir()
    new_lab(Course(tmp_path), "15-mini")
    folder = tmp_path / "labs" / "15-mini"
    (folder / "checks.py").write_text(OUTCOMES)
    (folder / "hints.md").write_text(HINTS)
    assert lab(tmp_path, "begin", "15").returncode == 0
    return tmp_path


def environment(course: Path) -> dict[str, str]:
    """What a run of `lab` on this course sees: its own state, no colour, a known width."""
    env = {name: value for name, value in os.environ.items() if name not in ("SANDBOX_STATE", "SANDBOX_WORK")}
    return env | {"SANDBOX_COURSE": str(course), "NO_COLOR": "1", "COLUMNS": "110", "SANDBOX_JAIL": "process"}


def lab(course: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LAB, *arguments], cwd=course, capture_output=True, text=True, timeout=120, env=environment(course)
    )


def add(course: Path, text: str) -> None:
    with (course / "labs" / "15-mini" / "checks.py").open("a") as checks:
        checks.write(text)


def right(course: Path) -> None:
    (course / "labs" / "15-mini" / "checks.py").write_text(OUTCOMES.split("@check(points=2)\n@each_fault")[0])
    (course / "work" / "15-mini" / "greeting.py").write_text("# 42\n")


def test_a_run_tells_each_check_and_the_failures_in_full(course: Path) -> None:
    done = lab(course, "check", "15")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    order = [line[:1] for line in lines if re.match(r"[✓✗–▢!] .*\d/\d", line)]
    assert order == ["✓", "✗", "–", "✗"]
    text = re.sub(r"\s+", " ", done.stdout)
    for words in ("the number is wrong", "seen: 41", "expected: 42", "hint: Look at the number.", "why it matters: "):
        assert words in text, words
    assert "1 of 6 points, 1 of 4 checks" in text
    assert "lab hint 15" in text


@pytest.mark.parametrize(("more", "status"), [("", 1), (BLOCKED, 3), (BROKEN, 3)])
def test_the_exit_status_tells_a_failure_from_what_could_not_be_graded(course: Path, more: str, status: int) -> None:
    add(course, more)
    assert lab(course, "check", "15").returncode == status


def test_all_passed_is_zero_and_a_wrong_name_is_two(course: Path) -> None:
    right(course)
    assert lab(course, "check", "15").returncode == 0
    wrong = lab(course, "check", "99")
    assert wrong.returncode == 2 and "Traceback" not in wrong.stderr


def test_a_blocked_check_names_the_tool_and_is_neither_pass_nor_fail(course: Path) -> None:
    add(course, BLOCKED)
    done = lab(course, "check", "15")
    assert "▢ A tool is used." in done.stdout and "Get one from the shed." in re.sub(r"\s+", " ", done.stdout)
    assert "incomplete" in done.stdout


def test_a_bug_of_a_check_is_kept_in_a_file_and_costs_no_points(course: Path) -> None:
    before = json.loads(lab(course, "check", "15", "--json").stdout)["score"]
    add(course, BROKEN)
    done = lab(course, "check", "15")
    assert "Traceback" not in done.stdout + done.stderr
    files = list((course / ".sandbox" / "reports").glob("15-mini-*.txt"))
    assert len(files) == 1 and "KeyError: 'oops'" in files[0].read_text()
    assert files[0].name in re.sub(r"\s+", "", done.stdout)
    assert json.loads(lab(course, "check", "15", "--json").stdout)["score"] == before


def test_every_form_of_the_result_is_written(course: Path, tmp_path: Path) -> None:
    done = lab(course, "check", "15", "--only", "number", "--json", "--junit", "j.xml", "--report", "html")
    assert [check["name"] for check in json.loads(done.stdout)["checks"]] == ["number"]
    assert ElementTree.parse(course / "j.xml").getroot().find("testsuite/testcase/failure") is not None
    assert "the number is wrong" in (course / ".sandbox" / "reports" / "15-mini.html").read_text()


def test_hints_climb_are_remembered_and_know_what_was_seen(course: Path) -> None:
    early = lab(course, "hint", "15")
    assert early.returncode == 2 and "lab check 15" in early.stderr
    lab(course, "check", "15")
    said = [lab(course, "hint", "15").stdout for _ in range(4)]
    assert "step 1 of 3" in said[0] and "Look at 41." in said[0]
    assert "step 2 of 3" in said[1]
    assert "step 3 of 3" in said[2] and said[2] == said[3]


class Watch:
    """`lab watch` on a terminal of its own."""

    def __init__(self, course: Path, **env: str) -> None:
        self.screen, terminal = pty.openpty()
        self.process = subprocess.Popen(
            [LAB, "watch", "15"],
            cwd=course,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment(course) | {"TERM": "xterm"} | env,
            start_new_session=True,
        )
        os.close(terminal)
        self.text = ""

    def until(self, words: str, within_s: float = 60) -> str:
        """Everything up to these words, which are then consumed."""
        deadline = time.monotonic() + within_s
        while words not in self.text:
            left = deadline - time.monotonic()
            assert left > 0, f"waited for {words!r}, saw {self.text!r}"
            if select.select([self.screen], [], [], left)[0]:
                try:
                    self.text += os.read(self.screen, 65536).decode(errors="replace")
                except OSError:
                    assert words in self.text, f"ended before {words!r}: {self.text!r}"
        before, _, self.text = self.text.partition(words)
        return before

    def press(self, key: str) -> None:
        os.write(self.screen, key.encode())

    def close(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(30)
        os.close(self.screen)
        return status


@pytest.fixture
def watch(course: Path) -> Iterator[Watch]:
    made = Watch(course)
    yield made
    made.close()


def test_watch_grades_on_save_and_obeys_its_keys(course: Path, watch: Watch) -> None:
    watch.until("1 of 4 checks")
    watch.until("q quit")
    watch.press("h")
    watch.until("step 1 of 3")
    watch.press("r")
    # After a failure only that check is of interest …
    watch.until("0 of 1 checks")
    watch.until("q quit")
    watch.press("a")
    watch.until("1 of 4 checks")
    watch.until("q quit")
    (course / "work" / "15-mini" / "greeting.py").write_text("# 42\n")
    # … and when it passes, all of them again.
    watch.until("1 of 1 checks")
    watch.until("3 of 4 checks")
    watch.until("q quit")
    watch.press("q")
    assert watch.process.wait(30) == 0


def test_watch_stops_a_run_that_is_out_of_date(course: Path) -> None:
    slow = OUTCOMES.replace(
        '    """This comes later."""', '    """This comes later."""\n    import time\n    time.sleep(50)'
    )
    (course / "labs" / "15-mini" / "checks.py").write_text(slow)
    greeting = course / "work" / "15-mini" / "greeting.py"
    greeting.write_text("# 42\n")
    second = int(greeting.stat().st_mtime) * 10**9
    os.utime(greeting, ns=(second, second))
    # Where the file system gives no events, it looks again and again.
    watch = Watch(course, WATCHFILES_FORCE_POLLING="true")
    try:
        watch.until("The number is right.")
        # As many characters as before, in the same second: only a part of a second tells the two apart.
        changed = course / "changed"
        changed.write_text("# 41\n")
        os.utime(changed, ns=(second + 1, second + 1))
        changed.replace(greeting)
        watch.until("starting again", within_s=40)
        watch.until("1 of 4 checks", within_s=40)
        watch.until("q quit")
        watch.press("q")
        assert watch.process.wait(30) == 0
    finally:
        watch.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_check_that_is_stopped_leaves_nothing_behind(course: Path, number: signal.Signals) -> None:
    add(course, SLEEPS)
    command = subprocess.Popen(
        [LAB, "check", "15"], cwd=course, stdout=subprocess.PIPE, text=True, env=environment(course)
    )
    assert command.stdout
    while "Your work notices" not in command.stdout.readline():
        assert command.poll() is None
    family = psutil.Process(command.pid).children(recursive=True)
    assert family
    command.send_signal(number)
    command.communicate(timeout=60)
    assert command.returncode == 130
    assert psutil.wait_procs(family, timeout=60)[1] == []


def test_a_new_lab_verifies_as_unfinished(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    made = lab(tmp_path, "new", "16-feature-store")
    assert made.returncode == 0 and "labs/16-feature-store/checks.py" in made.stdout
    done = lab(tmp_path, "verify", "16")
    assert done.returncode == 1
    assert "files/page" in done.stdout and "1 do not" in done.stdout


def test_what_others_wait_for_is_told_first() -> None:
    names = ("style", "spelling", "order", "builds", "runs")
    after = {"runs": ("builds",)}
    checks = tuple(
        CheckResult(name, f"Title of {name}.", "failed" if name != "runs" else "skipped", 0.0, 1.0, "why", after=after.get(name, ()))
        for name in names
    )  # fmt: skip
    out = io.StringIO()
    print_summary(
        Console(file=out, width=100), LabResult("15-mini", "sha256:c", "sha256:s", "2026-11-24T00:00:00Z", 1.0, checks), "15"
    )  # fmt: skip
    assert re.findall(r"Title of (\w+)", out.getvalue()) == ["builds", "style", "spelling"]
    assert "… and 1 more" in out.getvalue()
