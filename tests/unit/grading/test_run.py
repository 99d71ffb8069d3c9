"""The five outcomes, order, points, parts, time limits: on real runs of the worker."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.grading.results import LabResult
from sandbox.grading.run import Cancelled, Options, grade

from .conftest import make_lab

Grade = Callable[..., LabResult]

OUTCOMES = '''
@check(points=2, hint="look")
def check_good(submission):
    """It holds."""
    assert submission.read("answer.txt") == "42", "it is not 42"

@check(points=3, hint="look closer")
def check_bad(submission):
    """It does not hold."""
    fail("it is wrong", observed=41, expected="42")

@check(points=1, after="bad")
def check_later():
    """Comes later."""

@check(points=1)
@needs("terraform")
def check_tool():
    """Needs a tool."""

@check(points=1)
def check_broken():
    """A bug of the judge."""
    raise KeyError("oops")
'''


def test_the_five_outcomes_are_never_mixed_up(grade_with: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_TOOL_TERRAFORM", "none")
    result = grade_with(OUTCOMES, {"answer.txt": "42"})
    by_name = result.by_name()
    assert {name: check.status for name, check in by_name.items()} == {
        "good": "passed", "bad": "failed", "later": "skipped", "tool": "blocked", "broken": "error",
    }  # fmt: skip
    assert (result.score, result.max_score, result.complete, result.exit_status) == (2, 8, False, 3)
    assert (by_name["bad"].observed, by_name["bad"].expected, by_name["bad"].hint) == ("41", "42", "look closer")
    assert by_name["good"].hint == ""
    assert "terraform" in by_name["tool"].message
    assert "KeyError" in by_name["broken"].message
    assert "oops" in Path(result.problem.split("details: ")[1].rstrip(")")).read_text()


def test_all_passed_is_exit_status_0_and_something_failed_is_1(grade_with: Grade) -> None:
    checks = '@check(points=1)\ndef check_a(submission):\n    "A."\n    assert submission.read("answer.txt"), "empty"\n'
    assert grade_with(checks, {"answer.txt": "x"}).exit_status == 0
    assert grade_with(checks, {"answer.txt": ""}).exit_status == 1


def test_parts_share_the_points_and_run_at_the_same_time(grade_with: Grade) -> None:
    checks = '''
import threading
both = threading.Barrier(2, timeout=20)

@check(points=4)
@each_fault("things")
def check_faults(fault):
    """You catch {fault.title}."""
    both.wait()  # breaks where parts run one after the other
    assert fault.name == "one", "not caught"
'''
    result = grade_with(checks, cores=2)
    check = result.checks[0]
    assert (check.status, check.points) == ("failed", 2)
    assert [(part.name, part.status) for part in check.parts] == [("one", "passed"), ("two", "failed")]
    assert check.parts[0].title == "You catch the first thing is wrong."
    assert check.message.startswith("You catch the second thing is wrong: not caught")


def test_cases_and_faults_of_the_instructor(grade_with: Grade, tmp_path: Path) -> None:
    private = tmp_path / "private" / "01-mini" / "faults"
    private.mkdir(parents=True)
    (private / "things.toml").write_text('[[fault]]\nname = "hidden"\ntitle = "a hidden thing"\nreason = "unseen"\n')
    checks = '''
from sandbox.grading import SimpleCase

@check(points=1)
@each_fault("things")
def check_faults(fault):
    """F {fault.title}"""

@check(points=1)
@each_case(lambda: [SimpleCase("a", "first", 1), SimpleCase("b", "second", 2)])
def check_cases(case):
    """C {case.title}"""
    assert case.value, "no value"
'''
    result = grade_with(checks, private=tmp_path / "private")
    assert [part.name for part in result.checks[0].parts] == ["one", "two", "hidden"]
    assert [part.title for part in result.checks[1].parts] == ["C first", "C second"]
    assert result.passed


def test_a_part_tells_what_was_seen_and_expected_only_where_there_is_something(grade_with: Grade) -> None:
    checks = '''
@check(points=1)
@each_case(lambda: [SimpleCase("a", "a", {"observed": 1}), SimpleCase("b", "b", {"expected": 2}),
                    SimpleCase("c", "c", {"observed": 1, "expected": 2}), SimpleCase("d", "d", {})])
def check_cases(case):
    """C {case.title}"""
    fail("no", **case.value)
'''
    parts = grade_with("from sandbox.grading import SimpleCase\n" + checks).checks[0].parts
    assert [part.message for part in parts] == ["no (seen: 1)", "no (expected: 2)", "no (seen: 1; expected: 2)", "no"]


def test_a_check_that_takes_too_long_reads_as_a_time_out(grade_with: Grade) -> None:
    checks = '''
import time
@check(points=1, timeout=0.3)
def check_slow():
    """Slow."""
    time.sleep(60)

@check(points=1)
def check_next():
    """Next."""
'''
    result = grade_with(checks)
    assert result.checks[0].status == "failed"
    assert "time-out" in result.checks[0].message
    assert result.checks[1].status == "passed"


def test_the_whole_run_has_a_limit_too(grade_with: Grade) -> None:
    checks = '''
import time
@check(points=1)
def check_slow():
    """Slow."""
    time.sleep(60)

@check(points=1)
def check_next():
    """Next."""
'''
    result = grade_with(checks, time_s=8)
    assert [check.status for check in result.checks] == ["failed", "skipped"]
    assert "time-out" in result.checks[0].message


def test_only_runs_what_it_comes_after_too(grade_with: Grade) -> None:
    checks = '@check(points=1)\ndef check_a():\n    "A."\n@check(points=1, after="a")\ndef check_b():\n    "B."\n@check(points=1)\ndef check_c():\n    "C."\n'
    assert [check.name for check in grade_with(checks, only=("check_b",)).checks] == ["a", "b"]


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        (
            '@check(points=1, after="b")\ndef check_a():\n    "A."\n@check(points=1)\ndef check_b():\n    "B."\n',
            "no check above it",
        ),
        ("def check_a():\n    pass\n", "has no @check"),
        ("import nothing_of_this_name\n", "could not be collected"),
        ("", "could not be collected"),
    ],
)
def test_checks_that_do_not_hold_are_the_judges_error(grade_with: Grade, checks: str, problem: str) -> None:
    result = grade_with(checks)
    assert problem in result.problem
    assert result.exit_status == 3


def test_a_worker_that_is_killed_is_an_error_and_no_grade(grade_with: Grade) -> None:
    checks = '@check(points=1)\ndef check_a():\n    "A."\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n@check(points=1)\ndef check_b():\n    "B."\n'
    result = grade_with(checks)
    assert [check.status for check in result.checks] == ["error", "error"]
    assert "broke off" in result.problem


def test_the_same_seed_repeats_the_same_choices(grade_with: Grade) -> None:
    checks = '@check(points=1)\ndef check_a(rng):\n    "A."\n    fail(str(rng.random()))\n'
    first, again, other = (grade_with(checks, seed=seed).checks[0].message for seed in (1, 1, 2))
    assert first == again != other


def test_control_characters_and_endless_text_do_not_reach_the_result(grade_with: Grade) -> None:
    checks = '@check(points=1)\ndef check_a():\n    "A."\n    fail("\\x1b[2J" + "x" * 100000, observed="\\x07")\n'
    check = grade_with(checks).checks[0]
    assert "\x1b" not in check.message
    assert len(check.message) < 3000
    assert check.observed == "\\x07"


def test_a_run_can_be_cancelled(tmp_path: Path) -> None:
    lab = make_lab(
        tmp_path / "course", '@check(points=1)\ndef check_a():\n    "A."\n    import time\n    time.sleep(60)\n'
    )
    cancel = threading.Event()
    source = tmp_path / "source"
    source.mkdir()
    with pytest.raises(Cancelled):
        grade(
            lab,
            source,
            Options(wall="process"),
            lambda event: cancel.set() if event["event"] == "start" else None,
            cancel,
        )


def test_a_result_survives_json(grade_with: Grade) -> None:
    result = grade_with(OUTCOMES, {"answer.txt": "42"})
    assert LabResult.from_json(result.to_json()).to_json() == result.to_json()
