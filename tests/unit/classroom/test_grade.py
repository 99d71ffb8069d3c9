"""A class that is graded: right results, kept results, trouble that is nobody's zero, two instructors."""

import errno
import io
import json
import os
import pickle
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sandbox.classroom import command
from sandbox.classroom import grade as grading
from sandbox.classroom import store as storing
from sandbox.classroom.grade import ClassRun, Settings, grade_class
from sandbox.classroom.store import ClassStore, Record
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.jail import JailUnavailable

from .conftest import FAULTY, GOOD, WRONG

HandIn = Callable[[str, dict[str, str]], Path]
Grade = Callable[..., ClassRun]

pytestmark = pytest.mark.needs("jail:bubblewrap")


def by_student(run: ClassRun) -> dict[str, Record]:
    return {record.student: record for record in run.records}


def test_each_student_gets_the_result_of_their_own_work(hand_in: HandIn, grade_it: Grade) -> None:
    for student, files in {"ann": GOOD, "bob": WRONG, "cem": FAULTY, "dee": {"other.md": "hello"}}.items():
        hand_in(student, files)
    steps = []
    run = grade_it(steps.append)
    found = by_student(run)
    scores = {name: r.result.score for name, r in found.items() if r.result}
    assert scores == {"ann": 5, "bob": 0, "cem": 3.5}
    assert (found["dee"].state, found["dee"].result) == ("rejected", None)
    assert "none of the files" in found["dee"].problem
    assert (run.graded, run.kept) == (3, 0)
    assert [(step.done, step.total) for step in steps] == [(n, 4) for n in range(1, 5)]


def test_submissions_are_read_ahead_at_the_same_time(
    hand_in: HandIn, grade_it: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in "abcd":
        hand_in(student, GOOD)
    all_four, real = threading.Barrier(4), grading.take

    def slow(*given: Any) -> Any:
        all_four.wait(timeout=30)  # like a repository that is fetched: nobody comes past it alone
        return real(*given)

    monkeypatch.setattr(grading, "take", slow)
    assert [record.state for record in grade_it().records] == ["graded"] * 4


def test_an_unchanged_class_is_not_graded_again(lab: Lab, hand_in: HandIn, grade_it: Grade) -> None:
    hand_in("ann", GOOD)
    hand_in("bob", WRONG)
    grade_it()
    again = grade_it()
    assert (again.graded, again.kept) == (0, 2)
    hand_in("bob", FAULTY)
    assert (grade_it().graded, by_student(grade_it())["bob"].result.score) == (1, 3.5)
    (lab.folder / "hints.md").write_text("## first\n\n1. another\n")
    assert grade_it().graded == 2


def test_trouble_of_the_judge_is_tried_again_and_never_a_zero(
    hand_in: HandIn, grade_it: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grading, "TRIES", 2)
    hand_in("ann", {"answer.txt": "judge breaks"})
    hand_in("bob", {"answer.txt": "judge dies"})
    hand_in("cem", GOOD)
    found = by_student(grade_it())
    assert {name: (r.state, r.tries) for name, r in found.items()} == {
        "ann": ("ungraded", 2), "bob": ("ungraded", 2), "cem": ("graded", 1),
    }  # fmt: skip
    assert "KeyError" in found["ann"].problem
    assert "broke off" in found["bob"].problem
    hand_in("ann", GOOD)
    again = grade_it()
    assert (again.graded, by_student(again)["ann"].state) == (2, "graded")


def test_trouble_that_passes_leaves_no_trace(hand_in: HandIn, grade_it: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in("ann", GOOD)
    from sandbox.classroom import executors

    calls = []
    real = executors.carry_out

    def memory_is_short_once(*args: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise MemoryError
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(executors, "carry_out", memory_is_short_once)
    record = by_student(grade_it())["ann"]
    assert (record.state, record.tries, record.result.score) == ("graded", 2, 5)


def test_the_process_wall_is_refused(lab: Lab, hand_in: HandIn, tmp_path: Path) -> None:
    source = hand_in("ann", GOOD)
    with pytest.raises(JailUnavailable, match="own work only"):
        grade_class(lab, source, tmp_path / "out", Settings(wall="process"))


def test_two_instructors_cannot_grade_into_one_folder(hand_in: HandIn, grade_it: Grade, tmp_path: Path) -> None:
    hand_in("ann", GOOD)
    with ClassStore(tmp_path / "out").lock(), pytest.raises(UserError, match=f"process {os.getpid()} on"):
        grade_it()
    assert grade_it().graded == 1


def test_a_full_disk_ends_the_run_and_keeps_what_was_graded(
    hand_in: HandIn, grade_it: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student in ("ann", "bob", "cem"):
        hand_in(student, GOOD)
    written = []
    real = storing.write_atomically

    def full(path: Path, text: str) -> None:
        if written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(path)
        real(path, text)

    monkeypatch.setattr(storing, "write_atomically", full)
    with pytest.raises(UserError, match="No space left"):
        grade_it()
    monkeypatch.undo()
    run = grade_it()
    assert (run.graded, run.kept, len(run.records)) == (2, 1, 3)


def test_half_written_and_foreign_files_are_no_results(hand_in: HandIn, grade_it: Grade, tmp_path: Path) -> None:
    hand_in("ann", GOOD)
    key = grade_it().records[0].key
    path, store = tmp_path / "out" / "results" / f"{key}.json", ClassStore(tmp_path / "out")
    whole = path.read_text()
    for content in ("[]", "{}", '{"schema": "other"}', "", whole[:100]):
        path.write_text(content)
        assert store.load(key) is None
    (path.parent / f".{path.name}.abc").write_text("left by a run that was killed")
    assert grade_it().graded == 1
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert store.load(key).state == "graded"


def test_a_clock_that_jumps_changes_nothing(hand_in: HandIn, grade_it: Grade, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in("ann", GOOD)
    grade_it()
    real = time.time
    for jump_s in (-400 * 86_400, 400 * 86_400):
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: real() + jump_s)
        run = grade_it()
        assert (run.graded, run.records[0].result.score) == (0, 5)
    assert grade_it(regrade=True).records[0].result.score == 5


def test_a_student_who_withdrew_is_told_and_taken_out(hand_in: HandIn, grade_it: Grade, tmp_path: Path) -> None:
    hand_in("ann", GOOD)
    hand_in("bob", GOOD)
    grade_it()
    shutil.rmtree(tmp_path / "class" / "bob")
    run = grade_it()
    assert ([r.student for r in run.records], run.gone) == (["ann"], ["bob-0"])


def test_private_faults_and_checks_count(hand_in: HandIn, grade_it: Grade, tmp_path: Path) -> None:
    hand_in("ann", GOOD)
    secret = tmp_path / "private" / "01-mini"
    (secret / "faults").mkdir(parents=True)
    (secret / "faults" / "things.toml").write_text('[[fault]]\nname = "x"\ntitle = "secret"\nreason = "unseen"\n')
    (secret / "checks.py").write_text(
        'from sandbox.grading import check\n\n@check(points=1)\ndef check_unseen(submission):\n    "Unseen."\n'
        '    assert submission.read("extra.txt")\n'
    )
    record = grade_it(private=tmp_path / "private").records[0]
    assert record.state == "graded", record.problem
    result = ClassStore(tmp_path / "out").load(record.key).result
    assert [part.name for part in result.by_name()["catches"].parts] == ["one", "two", "x"]
    assert (result.by_name()["unseen"].status, result.score, result.max_score) == ("failed", 5, 6)
    assert grade_it().graded == 1, "without the private checks it is another grade"


def test_a_class_of_thousands_is_held_in_brief(hand_in: HandIn, grade_it: Grade, tmp_path: Path) -> None:
    hand_in("ann", FAULTY)
    (brief,) = grade_it().records
    whole = ClassStore(tmp_path / "out").load("ann-0")
    assert whole.result.by_name()["catches"].parts and not brief.result.by_name()["catches"].parts
    assert (brief.result.score, brief.basis) == (whole.result.score, whole.basis)
    assert len(pickle.dumps(brief)) < len(pickle.dumps(whole))


def test_a_live_lab_is_refused(lab: Lab, hand_in: HandIn, tmp_path: Path) -> None:
    source = hand_in("ann", GOOD)
    toml = lab.folder / "lab.toml"
    toml.write_text(toml.read_text().replace("minutes = 10", "minutes = 10\nlive = true"))
    from sandbox.course import open_course

    with pytest.raises(UserError, match="each student's own machine"):
        grade_class(open_course(lab.course.root).find("01"), source, tmp_path / "out", Settings())


def test_records_are_plain_json(hand_in: HandIn, grade_it: Grade, tmp_path: Path) -> None:
    hand_in("ann", GOOD)
    key = grade_it().records[0].key
    table = json.loads((tmp_path / "out" / "results" / f"{key}.json").read_text())
    assert table["schema"] == "devops-ml-sandbox/class-record/v1"
    assert table["result"]["schema"] == "devops-ml-sandbox/result/v1"


def test_who_stops_a_class_is_told_that_nothing_is_lost(
    lab: Lab, hand_in: HandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, screen = hand_in("ada", GOOD), Console(file=io.StringIO())

    def interrupted(*given: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "grade_class", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command.grade(
            lab, source, out=tmp_path / "out", settings=Settings(), roster=None, policy=None, assignment="", console=screen
        )  # fmt: skip
    assert isinstance(screen.file, io.StringIO)
    assert "the same command goes on from there" in screen.file.getvalue()
