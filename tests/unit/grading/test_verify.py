"""Calibration notices a lab that grades wrongly, and the scaffold is a lab that holds but for its prose."""

from pathlib import Path

import pytest

from sandbox.checking import verify_status, verify_summary
from sandbox.course import Course, CourseError
from sandbox.grading.corpus import Sample, assemble, samples
from sandbox.grading.results import CheckResult, LabResult
from sandbox.grading.run import Options
from sandbox.grading.scaffold import new_lab
from sandbox.grading.verify import Trial, judge, verify


def result(*checks: tuple[str, str], problem: str = "") -> LabResult:
    rows = tuple(CheckResult(n, n, s, 1.0 if s == "passed" else 0.0, 1.0, message=f"{n} {s}") for n, s in checks)  # type: ignore[arg-type]
    return LabResult("01-mini", "", "", "", 0.0, rows, problem=problem)


@pytest.mark.parametrize(
    ("sample", "outcome", "held"),
    [
        (Sample("starter", "s", None), result(("a", "failed"), ("b", "skipped")), True),
        (Sample("starter", "s", None), result(("a", "failed"), ("b", "passed")), False),
        (Sample("right", "r", None), result(("a", "passed")), True),
        (Sample("right", "r", None), result(("a", "passed"), ("b", "failed")), False),
        (Sample("wrong", "w", None, fails=frozenset("a")), result(("a", "failed"), ("b", "skipped")), True),
        (Sample("wrong", "w", None, fails=frozenset("a")), result(("a", "failed"), ("b", "failed")), False),
        (Sample("wrong", "w", None, fails=frozenset("ab")), result(("a", "failed"), ("b", "passed")), False),
        (Sample("cheat", "c", None, earns=frozenset("a")), result(("a", "passed"), ("b", "failed")), True),
        (Sample("cheat", "c", None), result(("a", "passed")), False),
        (Sample("solution", "s", None), result(("a", "blocked")), None),
        (Sample("wrong", "w", None, fails=frozenset("a")), result(("a", "error")), False),
        (Sample("solution", "s", None), result(), False),
    ],
)
def test_judge(sample: Sample, outcome: LabResult, held: bool | None) -> None:
    assert judge(sample, outcome)[0] is held


def test_the_scaffold_verifies_as_unfinished_only_in_its_prose(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    course = Course(tmp_path)
    made = new_lab(course, "15-feature-store")
    assert all(path.is_file() for path in made)
    trials = verify(Course(tmp_path).labs[0], options=Options(wall="process"))
    assert {(trial.kind, trial.name) for trial in trials if not trial.ok} == {("files", "page")}
    assert {trial.kind for trial in trials} >= {"starter", "solution", "right", "wrong"}


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ('file = "greeting.py"\nold = "def "\nnew = "def other_"', ""),
        ('file = "greeting.py"\nold = "nowhere"\nnew = ""', "its text occurs 0 times in greeting.py, not once"),
        ('file = "gone.py"\nold = "def "\nnew = ""', "gone.py is not in"),
        ('file = "greeting.py"\nold = "def "', "an edit does not hold"),
        ('file = "greeting.py"\nold = "def "\nnew = ""\nwhere = 1', "an edit does not hold"),
    ],
)
def test_a_sample_may_be_its_base_with_edits(tmp_path: Path, edit: str, said: str) -> None:
    (tmp_path / "labs").mkdir()
    new_lab(Course(tmp_path), "15-feature-store")
    (lab,) = Course(tmp_path).labs
    folder = lab.corpus / "wrong" / "renamed"
    folder.mkdir()
    (folder / "expect.toml").write_text(f'base = "solution"\nwhy = "w"\nfails = ["greets"]\n\n[[edits]]\n{edit}\n')

    def made() -> str:
        (sample,) = [sample for sample in samples(lab) if sample.name == "renamed"]
        return (assemble(lab, sample, tmp_path / "made") / "greeting.py").read_text()

    if said:
        with pytest.raises(CourseError, match=said):
            made()
    else:
        assert made() == (lab.solution / "greeting.py").read_text().replace("def ", "def other_")


def test_samples_tried_at_the_same_time_are_told_in_order(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    new_lab(Course(tmp_path), "15-feature-store")
    (lab,) = Course(tmp_path).labs
    told: list[Trial] = []
    trials = verify(lab, jobs=3, repeat=2, options=Options(wall="process"), on_trial=told.append)
    assert told == trials
    one_by_one = [f"{sample.kind}/{sample.name}" for sample in samples(lab)]
    assert list(dict.fromkeys(f"{t.kind}/{t.name.split(' #')[0]}" for t in trials if t.kind != "files")) == one_by_one
    assert {t.name for t in trials if not t.ok} == {"page"}


def test_starter_and_solution_are_tried_however_short_the_time(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    new_lab(Course(tmp_path), "15-feature-store")
    (lab,) = Course(tmp_path).labs
    trials = verify(lab, within_s=0, options=Options(wall="process"))
    tried = {trial.kind for trial in trials if not trial.left_out}
    assert tried == {"files", "starter", "solution"}
    assert {trial.kind for trial in trials if trial.left_out} == {"right", "wrong"}
    told = verify_summary({"15": trials}).plain
    assert told.endswith("left out, since the time was over")
    # What was not tried is no proof of anything, and no failure.
    held = [trial for trial in trials if trial.name != "page"]
    assert verify_status({"15": held}) == 0
    assert verify_status({"15": [trial for trial in held if trial.left_out]}) != 0


def test_what_stops_a_calibration_stops_the_samples_that_are_at_work(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    new_lab(Course(tmp_path), "15-feature-store")
    (lab,) = Course(tmp_path).labs
    told: list[Trial] = []

    def interrupt(trial: Trial) -> None:
        told.append(trial)
        if trial.kind != "files":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(lab, jobs=2, options=Options(wall="process"), on_trial=interrupt)
    assert [trial.kind for trial in told if trial.kind != "files"] == ["starter"]


def test_the_summary_repeats_what_does_not_hold() -> None:
    held = Trial("right", "plain", True, "passes every check", 1.0)
    broken = Trial("wrong", "no-tests", False, "does not fail unit_tests", 2.0)
    text = verify_summary({"02": [held, broken], "05": [held]}).plain
    assert "lab 02  ✗ wrong/no-tests  does not fail unit_tests" in text
    assert "right/plain" not in text
    assert text.endswith("2 trials hold, 1 do not, 0 blocked, 4 s")


def test_the_scaffold_writes_nothing_over_a_lab(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    new_lab(Course(tmp_path), "15-feature-store")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name in ("15-feature-store", "15-other", "Feature"):
        with pytest.raises(CourseError):
            new_lab(Course(tmp_path), name)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
