"""Marks, rosters, policies, and every format that leaves the house."""

import csv
import io
import json
import xml.etree.ElementTree as ElementTree
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from sandbox.classroom import similarity
from sandbox.classroom.marks import mark_class
from sandbox.classroom.policy import Policy, read_policy
from sandbox.classroom.publish import Private, for_student, publish
from sandbox.classroom.roster import Student, join, read_roster
from sandbox.classroom.store import Record
from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.grading.results import CheckResult, LabResult, PartResult
from sandbox.reports import class_page, classroom50, github, gradescope, junit, tables

EVIL = "<script>alert(1)</script>"


def result(points: float = 2.0, message: str = "it is '41', not 42", problem: str = "") -> LabResult:
    checks = (
        CheckResult("first", "The answer is 42.", "passed" if points >= 2 else "failed", min(points, 2.0), 2.0,
                    "" if points >= 2 else message, duration_s=0.5),
        CheckResult("catches", "You catch …", "failed", 1.5, 3.0, message, "41", "42", "look", ("first",), 1.5,
                    (PartResult("one", "You catch one", "passed"), PartResult("two", "You catch two", "failed", "not caught"))),
    )  # fmt: skip
    return LabResult("01-mini", "sha256:c", "sha256:s", "2026-11-24T00:00:00Z", 2.0, checks, {"jail": "x"}, problem)


def record(
    student: str = "s1", points: float = 2.0, *, attempt: int = 0, state: str = "graded", **more: object
) -> Record:
    table = result(points).to_json() if state == "graded" else None
    values = {"name": f"Name of {student}", "basis": ("sha256:s" + student, "sha256:c", ""), "result": table, **more}
    return Record(f"{student}-{attempt}", student, source=student, state=state, attempt=attempt, **values)  # type: ignore[arg-type]


def marks_of(records: list[Record], policy: Policy | None = None, roster: tuple[Student, ...] | None = None):  # type: ignore[no-untyped-def]
    return {mark.student.id: mark for mark in mark_class(join(roster, records), policy or Policy(), 5.0)}


# --- policy and roster ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("submitted", "late", "days", "adjusted"),
    [
        ("2026-11-20T23:59:00+00:00", False, 0, 3.5),
        ("2026-11-21T00:05:00+00:00", True, 0, 3.5),  # within the grace, whatever the source marks
        ("2026-11-21T01:00:00+01:00", False, 0, 3.5),  # the same instant as midnight in UTC
        ("2026-11-21T00:20:00+00:00", False, 1, 3.0),
        ("2026-11-22 12:00:00 UTC", False, 2, 2.5),
        ("2026-11-30T00:00:00+00:00", False, 9, 0.0),
        ("", True, 1, 3.0),  # only a mark: one day
        ("", False, 0, 3.5),
    ],
)
def test_lateness_costs_what_the_policy_says(submitted: str, late: bool, days: int, adjusted: float) -> None:
    policy = Policy.model_validate(
        {"due": "2026-11-21T00:00:00Z", "late": {"grace_minutes": 15, "percent_per_day": 10, "most_days": 5}}
    )
    mark = marks_of([record(submitted_at=submitted, late=late)], policy)["s1"]
    assert (mark.raw, mark.days_late, mark.adjusted) == (3.5, days, adjusted)


def test_an_extension_is_a_due_date_of_ones_own() -> None:
    policy = Policy.model_validate(
        {"due": "2026-11-20T00:00:00Z", "late": {"percent_per_day": 10}, "extensions": {"s1": "2026-11-25T00:00:00Z"}}
    )
    when = {"submitted_at": "2026-11-24T00:00:00Z"}
    marks = marks_of([record("s1", **when), record("s2", **when)], policy)
    assert (marks["s1"].adjusted, marks["s2"].adjusted) == (3.5, 1.5)


@pytest.mark.parametrize(("count", "raw"), [("last", 2.5), ("first", 1.5), ("best", 3.5)])
def test_which_attempt_counts(count: str, raw: float) -> None:
    records = [record(points=0, attempt=0), record(points=2, attempt=1), record(points=1, attempt=2)]
    mark = marks_of(records, Policy.model_validate({"attempts": {"count": count}}))["s1"]
    assert (mark.raw, mark.attempts) == (raw, 3)
    few = Policy.model_validate({"attempts": {"count": count, "most": 1}})
    assert marks_of(records, few)["s1"].raw == 1.5


@pytest.mark.parametrize("count", ["last", "best"])
def test_no_older_attempt_stands_in_for_one_that_the_machine_could_not_grade(count: str) -> None:
    records = [record(points=2), record(attempt=1, state="ungraded", problem="no memory")]
    mark = marks_of(records, Policy.model_validate({"attempts": {"count": count}}))["s1"]
    assert (mark.standing, mark.raw, mark.adjusted, mark.note) == ("ungraded", None, None, "no memory")


def test_policy_errors_name_the_key(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text("[late]\npercent_a_day = 3\n")
    with pytest.raises(UserError, match=r"late\.percent_a_day"):
        read_policy(path)
    path.write_text("due = ")
    with pytest.raises(UserError, match="no valid TOML"):
        read_policy(path)
    path.write_text('due = 2026-11-20T23:59:00Z\n[attempts]\ncount = "best"\n')
    assert read_policy(path).attempts.count == "best"


def test_roster_and_submissions_lose_nobody() -> None:
    roster = (
        Student("7", "Doe, Jane", "jane@x", participant="Participant 77"), Student("8", "Poe, Al", "al@x"), Student("9", "Roe, Al"),
        Student("10", "Kim, Lee", "al@y"),
    )  # fmt: skip
    joined = join(roster, [record("77"), record("doejane", attempt=1, name="doejane"), record("zoe"), record("al")])
    assert [len(joined.submissions[id_]) for id_ in ("7", "8", "9")] == [2, 0, 0]
    assert [r.student for r in joined.unknown] == ["zoe"]
    assert [r.student for r in joined.ambiguous] == ["al"]
    assert [student.id for student in joined.missing] == ["8", "9", "10"]
    standings = {mark.student.id: mark.standing for mark in mark_class(joined, Policy(), 5.0)}
    assert standings == {
        "7": "graded",
        "8": "missing",
        "9": "missing",
        "10": "missing",
        "zoe": "unknown",
        "al": "ambiguous",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id,name,email\n7,Jané Doe,j@x\n", ("7", "Jané Doe", "j@x", "")),
        ('Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"Doe, Jané",7,S7,jdoe,A\n', ("7", "Doe, Jané", "", "jdoe")),
        ("Identifier;Full name;ID number;Email address\nParticipant 5;Jané Doe;7;j@x\n", ("7", "Jané Doe", "j@x", "")),
        ("First name,Last name,Email address\nJané,Doe,j@x\n", ("j@x", "Jané Doe", "j@x", "")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_rosters_of_other_systems(tmp_path: Path, text: str, expected: tuple[str, ...], encoding: str) -> None:
    (tmp_path / "roster.csv").write_bytes(text.encode(encoding))
    (student,) = read_roster(tmp_path / "roster.csv")
    assert (student.id, student.name, student.email, student.login) == expected


def test_roster_errors_are_clear(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("id\n7\n7\n")
    with pytest.raises(UserError, match="7 more than once"):
        read_roster(path)
    path.write_text("colour\nred\n")
    with pytest.raises(UserError, match="names no students"):
        read_roster(path)


# --- tables --------------------------------------------------------------------------------------------------------------


def test_csv_files_hold_no_formula() -> None:
    evil = [
        record(f"s{n}", name=name) for n, name in enumerate(["=1+1", "+1", "-1", "@x", "\t=1", " =1", "%0A=1", "plain"])
    ]
    marks = list(marks_of(evil).values())
    for text in (tables.gradebook(marks, ["first"]), tables.canvas(marks, "=HYPERLINK()"), tables.moodle(marks)):
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                assert cell.lstrip()[:1] not in ("=", "+", "-", "@", "%"), row
    assert tables.neutral("plain") == "plain"


def test_canvas_and_moodle_files() -> None:
    roster = (Student("7", "Doe, Jane", "j@x", "jdoe", "S7", "A", "Participant 5"), Student("8", "Poe, Al"))
    marks = list(marks_of([record("7")], Policy(), roster).values())
    canvas = list(csv.reader(io.StringIO(tables.canvas(marks, "Lab 01 (99)"))))
    assert canvas == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 01 (99)"],
        ["    Points Possible", "", "", "", "", "5"],
        ["Doe, Jane", "7", "S7", "jdoe", "A", "3.5"],
        ["Poe, Al", "8", "", "", "", ""],
    ]
    moodle = list(csv.DictReader(io.StringIO(tables.moodle(marks))))
    assert [(row["Identifier"], row["Grade"], row["Maximum Grade"]) for row in moodle] == [
        ("Participant 5", "3.5", "5")
    ]


def test_gradebook_keeps_raw_beside_adjusted() -> None:
    policy = Policy.model_validate({"late": {"percent_per_day": 10}})
    marks = list(marks_of([record(late=True)], policy).values())
    (row,) = csv.DictReader(io.StringIO(tables.gradebook(marks, ["first", "catches"])))
    assert (row["raw"], row["adjusted"], row["first"], row["catches"], row["days_late"]) == (
        "3.5",
        "3",
        "2",
        "1.5",
        "1",
    )


# --- one result in other systems' forms ----------------------------------------------------------------------------------


def test_gradescope_holds_what_its_specification_asks() -> None:
    table = gradescope.render(result())
    assert sum(test["score"] for test in table["tests"]) == 3.5
    assert {test["status"] for test in table["tests"]} <= {"passed", "failed"}
    assert all(test["output_format"] == "text" for test in table["tests"])
    assert table["stdout_visibility"] == "hidden" and isinstance(table["execution_time"], int)
    broken = gradescope.render(result(problem="no memory"))
    assert "tests" not in broken and "score" not in broken, "what could not be graded has no score"


def test_classroom50_result() -> None:
    environment = {
        "CLASSROOM": "c",
        "ASSIGNMENT": "a",
        "SUBMISSION_TAG": "submit/1",
        "COMMIT_URL": "u",
        "RELEASE_URL": "r",
    }
    table = classroom50.render(result(), environment)
    assert (table["schema"], table["score"], table["max-score"]) == ("classroom50/result/v1", 350, 500)
    assert all(isinstance(test[key], int) for test in table["tests"] for key in ("score", "max-score"))
    assert {"classroom", "assignment", "submission", "commit", "release", "review", "datetime", "tests"} <= set(table)
    with pytest.raises(ValueError, match="no memory"):
        classroom50.render(result(problem="no memory"), environment)


def test_github_lines_cannot_be_forged() -> None:
    forged = result(points=0, message="x\n::error::forged\n| a | <img src=x onerror=1> [l](javascript:1)")
    assert len(github.workflow_commands(forged).splitlines()) == 2
    assert "%0A::error" in github.workflow_commands(forged)
    text = github.summary(forged)
    assert "<img" not in text and "\n::" not in text and "](" not in text
    assert len(text.splitlines()) == 6


# --- pages ---------------------------------------------------------------------------------------------------------------


def test_everything_is_published_and_nothing_is_markup(lab: Lab, tmp_path: Path) -> None:
    evil = record("s1", 0, name=EVIL)
    evil = replace(evil, result=result(0, EVIL).to_json())
    records = [
        evil,
        record("s2"),
        record("s3", state="rejected", problem=f"bad {EVIL}"),
        record("s4", state="ungraded"),
    ]
    done = publish(lab, tmp_path / "out", records)
    for page in [tmp_path / "out" / "class.html", *(tmp_path / "out" / "feedback").iterdir()]:
        text = page.read_text("utf-8")
        assert "<script" not in text and "default-src 'none'" in text
        assert "http://" not in text and "https://" not in text
    assert {file.name for file in done.files} == {"gradebook.csv", "canvas.csv", "moodle.csv", "class.html"}
    assert ElementTree.parse(tmp_path / "out" / "junit" / "s2-0.xml").getroot().find("testsuite").get("tests") == "2"  # type: ignore[union-attr]
    assert json.loads((tmp_path / "out" / "gradescope" / "s2-0.json").read_text())["tests"]
    assert not (tmp_path / "out" / "gradescope" / "s4-0.json").exists()
    assert "no fault of yours" in (tmp_path / "out" / "feedback" / "s4-0.html").read_text()
    assert "bad &lt;script" in (tmp_path / "out" / "feedback" / "s3-0.html").read_text()


def test_what_is_private_never_reaches_a_student() -> None:
    secret = PartResult("x", "You catch the secret thing", "failed", "secret message")
    check = CheckResult("catches", "You catch …", "failed", 0, 3, "You catch the secret thing: secret message (1 of 2)", "secret",
                        "secret", parts=(PartResult("one", "You catch one", "passed"), secret))  # fmt: skip
    hidden = CheckResult("unseen", "secret title", "failed", 1, 2, "secret words", "secret", "secret", "secret")
    shown = for_student(replace(result(), checks=(check, hidden)), Private(frozenset({"unseen"}), frozenset({"x"})))
    everything = json.dumps(shown.to_json()) + junit.render(shown) + json.dumps(gradescope.render(shown))
    assert "secret" not in everything
    assert (shown.score, shown.max_score) == (1, 5)
    assert "1 of 1 faults that your instructor keeps private" in shown.checks[0].message


def test_the_class_page_counts_right() -> None:
    marks = list(marks_of([record("s1", 0), record("s2", 2), record("s3", 2)]).values())
    first, catches = class_page.check_rows(marks)
    assert (round(first.passed, 2), round(first.earned, 2), catches.passed, catches.seconds) == (0.67, 0.67, 0, 1.5)
    assert [asdict(bar)["count"] for bar in class_page.distribution(marks)] == [0, 0, 0, 1, 0, 0, 0, 2, 0, 0]
    top = class_page.groups(marks)[0]
    assert (top.check, len(top.students), top.message) == ("You catch …", 3, "it is …, not #")


# --- similarity ----------------------------------------------------------------------------------------------------------

WORK = "\n".join(
    f"def test_number_{n}(client):\n    '''{n}'''\n    for at in range({n}):\n        assert shift(at, {n}{'' if n % 2 else ', wrap=True'})"
    f" == at + {n}{' - 1' if n % 3 else ' // 2'}\n"
    for n in range(1, 12)
)


def test_renaming_and_reformatting_hide_nothing() -> None:
    renamed = "# mine\n" + WORK.replace("at", "moment").replace("client", "c").replace("    ", "  ")
    other = Path(similarity.__file__).read_bytes()
    prints = {
        "a": similarity.fingerprint([WORK.encode()]),
        "b": similarity.fingerprint([renamed.encode()]),
        "c": similarity.fingerprint([other]),
    }
    (pair,) = similarity.near(prints)
    assert (pair.one, pair.other) == ("a", "b") and pair.share > 0.9
    assert similarity.near(prints, starter=prints["a"]) == [], "what the starter holds does not count"


def test_hostile_text_is_read_in_linear_time() -> None:
    assert similarity.fingerprint([b"\xff\0" * 1000, b"(" * 100_000, b"a" * 1_000_000]) is not None
