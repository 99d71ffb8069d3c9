"""Marks, rosters, policies, and every format that leaves the house."""

import csv
import io
import json
import random
import re
import tracemalloc
import xml.etree.ElementTree as ElementTree
from array import array
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from sandbox.checking import write_reports
from sandbox.classroom import similarity
from sandbox.classroom.marks import mark_class
from sandbox.classroom.policy import Policy, read_policy
from sandbox.classroom.publish import Private, for_student, publish, read_names
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
    table = result(points) if state == "graded" else None
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


def test_an_extension_counts_by_any_name_of_the_student_and_nobodys_is_told(lab: Lab, tmp_path: Path) -> None:
    policy = Policy.model_validate(
        {"due": "2026-11-20T00:00:00Z", "late": {"percent_per_day": 10},
         "extensions": {"JDOE": "2026-11-25T00:00:00Z", "jdeo": "2026-11-25T00:00:00Z"}}
    )  # fmt: skip
    roster = (Student("7", "Doe, Jane", login="jdoe"), Student("8", "Poe, Al"))
    when = {"submitted_at": "2026-11-24T00:00:00Z"}
    done = publish(lab, tmp_path, [record("7", **when), record("8", **when)], roster=roster, policy=policy)
    assert [(mark.days_late, mark.adjusted) for mark in done.marks] == [(0, 3.5), (4, 1.5)]
    assert done.strange == ["jdeo"]


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
    assert joined.twice == ()
    standings = {mark.student.id: mark.standing for mark in mark_class(joined, Policy(), 5.0)}
    assert standings == {
        "7": "graded",
        "8": "missing",
        "9": "missing",
        "10": "missing",
        "zoe": "unknown",
        "al": "ambiguous",
    }


def test_people_are_found_under_the_names_that_systems_make_of_theirs() -> None:
    roster = (
        Student("7", "O'Neil, Mary-Jane"),
        Student("8", "Díaz Soto, José"),
        Student("8", "Diaz, Jose"),
        Student("9", "Li, Wei"),
    )
    joined = join(roster, [record("55", name="oneilmaryjane"), record("56", name="José Díaz Soto"), record("9"),
                           record("WEI LI", name="WEI LI")])  # fmt: skip
    assert [len(joined.submissions[id_]) for id_ in ("7", "8", "9")] == [1, 1, 2]
    assert (joined.twice, [student.id for student in joined.several]) == (("8",), ["9"])


def test_staff_of_a_gradescope_roster_is_nobody_who_hands_in(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text("First Name,Last Name,SID,Email,Role\nA,B,1,a@x,Student\nC,D,2,c@x,Instructor\nE,F,3,e@x,TA\n")
    assert [student.id for student in read_roster(path)] == ["1"]


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
    path.write_text("colour\nred\n")
    with pytest.raises(UserError, match="names no students"):
        read_roster(path)


# --- tables --------------------------------------------------------------------------------------------------------------


def test_csv_files_hold_no_formula() -> None:
    evil = [
        record(f"s{n}", name=name)
        for n, name in enumerate(["=1+1", "+1", "-1", "@x", "\t=1", " =1", "%0A=1", "＝1", "plain"])
    ]
    marks = list(marks_of(evil).values())
    for text in (tables.gradebook(marks, ["first"]), tables.canvas(marks, "=HYPERLINK()"), tables.moodle(marks)):
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                assert cell.lstrip()[:1] not in ("=", "+", "-", "@", "%", "＝"), row
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
    # What GradebookImporter of canvas-lms asks of the heads, and where it looks for a student.
    head = canvas[0]
    assert (
        "Student" in head[0]
        and "ID" in head[1]
        and head[2:4] == ["SIS User ID", "SIS Login ID"]
        and "Section" in head[4]
    )
    own = (Student("s0042", "Doe, Jane"), Student("9", "Poe, Al", sis_id="S9"))
    rows = list(
        csv.reader(io.StringIO(tables.canvas(list(marks_of([record("s0042")], Policy(), own).values()), "Lab")))
    )
    assert [row[1:3] for row in rows[2:]] == [["", "s0042"], ["9", "S9"]], "Canvas would read s0042 as its own number 0"
    moodle = list(csv.DictReader(io.StringIO(tables.moodle(marks))))
    # assignfeedback_offline's importer refuses a file without these, and takes the number behind "Participant ".
    assert {"Identifier", "Grade", "Last modified (grade)"} <= set(moodle[0])
    assert all(row["Identifier"].removeprefix("Participant ").isdecimal() for row in moodle)
    joined_by_name = (Student("s1", "Doe, Jane"),)
    (row,) = csv.DictReader(
        io.StringIO(tables.moodle(list(marks_of([record("77", name="Jane Doe")], Policy(), joined_by_name).values())))
    )
    assert row["Identifier"] == "Participant 77", "the number in the name of Moodle's download"
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


FORMATS = ["text", "html", "simple_format", "md", "ansi"]
VISIBLE = ["hidden", "after_due_date", "after_published", "visible"]
# --- one result in other systems' forms ----------------------------------------------------------------------------------


GRADESCOPE_TEST = {
    "type": "object", "additionalProperties": False,
    "properties": {
        "score": {"type": "number"}, "max_score": {"type": "number"}, "status": {"enum": ["passed", "failed"]},
        "name": {"type": "string"}, "name_format": {"enum": FORMATS}, "number": {"type": "string"}, "output": {"type": "string"},
        "output_format": {"enum": FORMATS}, "tags": {"type": "array", "items": {"type": "string"}},
        "visibility": {"enum": VISIBLE}, "extra_data": {"type": "object"},
    },
}  # fmt: skip
GRADESCOPE = {
    "type": "object", "additionalProperties": False, "anyOf": [{"required": ["score"]}, {"required": ["tests"]}],
    "properties": {
        "score": {"type": "number"}, "execution_time": {"type": "number"}, "output": {"type": "string"}, "output_format": {"enum": FORMATS},
        "test_output_format": {"enum": FORMATS}, "test_name_format": {"enum": FORMATS}, "visibility": {"enum": VISIBLE},
        "stdout_visibility": {"enum": VISIBLE}, "extra_data": {"type": "object"}, "leaderboard": {"type": "array"},
        "tests": {"type": "array", "items": GRADESCOPE_TEST},
    },
}  # fmt: skip
"""Gradescope's "Autograder Specifications", Output format: every field, and "score or tests"."""


def test_gradescope_holds_what_its_specification_asks() -> None:
    table = gradescope.render(result())
    for whole in (table, gradescope.failure("no archive")):
        jsonschema.validate(whole, GRADESCOPE)
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
    texts = ("classroom", "assignment", "submission", "commit", "release", "review", "datetime")
    assert all(isinstance(table[name], str) and table[name] for name in texts)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", table["datetime"])
    assert all(isinstance(test["passed"], bool) and 0 <= test["score"] <= test["max-score"] for test in table["tests"])
    assert (sum(t["score"] for t in table["tests"]), len({t["test-name"] for t in table["tests"]})) == (350, 2)
    with pytest.raises(ValueError, match="no memory"):
        classroom50.render(result(problem="no memory"), environment)


def commands_of(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Workflow commands as a runner reads them: name, properties, message, each unescaped."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"::(\w+)(?: ([^:]*))?::(.*)", line)
        assert match, line
        pairs = (pair.split("=", 1) for pair in match[2].split(","))
        properties = {key: value.replace("%3A", ":").replace("%2C", ",").replace("%25", "%") for key, value in pairs}
        found.append((match[1], properties, match[3].replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")))
    return found


def test_github_reads_back_what_was_seen() -> None:
    message = "100 %: a, b\nsecond line"
    assert commands_of(github.workflow_commands(result(0, message))) == [
        ("error", {"title": "The answer is 42."}, message), ("error", {"title": "You catch …"}, message),
    ]  # fmt: skip


def test_junit_keeps_to_the_schema_that_jenkins_publishes() -> None:
    """junit-10.xsd of the xUnit plugin: which elements stand where, and what they must say."""
    blocked = CheckResult("tool", "Needs a tool.", "blocked", 0, 1, "act is missing \x00 \x1b[31m")
    whole = replace(result(0), checks=(*result(0).checks, blocked, CheckResult("later", "Later.", "skipped", 0, 1)))
    root = ElementTree.fromstring(junit.render(whole))
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    assert {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"} == set(suite.keys())
    kinds = [case[0].tag if len(case) else "passed" for case in suite]
    assert kinds == ["failure", "failure", "error", "skipped"]
    told = {key: int(suite.get(key, "")) for key in ("tests", "failures", "errors", "skipped")}
    assert told == {"tests": 4, "failures": 2, "errors": 1, "skipped": 1}
    for case in suite:
        assert (
            case.tag == "testcase"
            and {"name", "classname", "time"} == set(case.keys())
            and float(case.get("time", "")) >= 0
        )


def test_reports_for_runners_are_written_where_runners_look(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console(stderr=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    write_reports(lab, result(0), junit=None, report="github", console=console)
    assert len(commands_of(capsys.readouterr().out)) == 2
    assert (tmp_path / "summary.md").read_text().startswith("## 01\\-mini: 1.5 of 5 points\n")
    monkeypatch.setenv("ASSIGNMENT", "lab-one")
    write_reports(lab, result(), junit=None, report="classroom50", console=console)
    assert json.loads((tmp_path / "result.json").read_text())["assignment"] == "lab-one"
    with pytest.raises(UserError, match="no memory"):
        write_reports(lab, result(problem="no memory"), junit=None, report="classroom50", console=console)
    with pytest.raises(UserError, match="There is no report 'pdf'"):
        write_reports(lab, result(), junit=None, report="pdf", console=console)


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
    evil = replace(evil, result=result(0, EVIL))
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


def test_a_student_reads_what_the_policy_made_of_each_attempt(lab: Lab, tmp_path: Path) -> None:
    policy = Policy.model_validate({"late": {"percent_per_day": 10}})
    publish(lab, tmp_path, [record("s1"), record("s1", attempt=1, late=True), record("s2")], policy=policy)
    pages = {path.stem: path.read_text("utf-8") for path in (tmp_path / "feedback").iterdir()}
    assert "Another attempt of yours is the one that counts." in pages["s1-0"]
    assert "It came 1 day late: 3 of 5 points count." in pages["s1-1"]
    assert "late" not in pages["s2-0"] and "attempt" not in pages["s2-0"]


def test_reports_of_somebody_who_has_no_grade_any_more_are_taken_away(lab: Lab, tmp_path: Path) -> None:
    publish(lab, tmp_path, [record("s1"), record("s2")])
    publish(lab, tmp_path, [record("s1", state="rejected", problem="cut")])
    left = {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file() and "s" in path.stem[:1]
    }
    assert left == {"feedback/s1-0.html"}


def test_reports_are_not_written_without_knowing_what_is_private(lab: Lab, tmp_path: Path) -> None:
    secret = tmp_path / "private" / lab.id
    secret.mkdir(parents=True)
    (secret / "checks.py").write_text("def check_unseen(): pass\n")
    names = read_names(tmp_path / "private", lab)
    assert names.shown == {"first", "catches"}
    graded = record("s1", basis=("sha256:s", "sha256:c", names.digest))
    publish(lab, tmp_path / "out", [graded], private=names)
    for private in (None, replace(names, digest="sha256:other")):
        with pytest.raises(UserError, match="students must not see"):
            publish(lab, tmp_path / "out", [graded], private=private)


def test_what_is_private_never_reaches_a_student() -> None:
    secret = PartResult("x", "You catch the secret thing", "failed", "secret message")
    check = CheckResult("catches", "You catch …", "failed", 0, 3, "You catch the secret thing: secret message (1 of 2)", "secret",
                        "secret", parts=(PartResult("one", "You catch one", "passed"), secret))  # fmt: skip
    hidden = CheckResult("unseen", "secret title", "failed", 1, 2, "secret words", "secret", "secret", "secret")
    shown = for_student(
        replace(result(), checks=(check, hidden)), Private(frozenset({"first", "catches"}), frozenset({"x"}))
    )
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


def test_a_large_class_is_compared_in_little_memory() -> None:
    chance = random.Random(8)
    prints = {str(n): array("Q", sorted(chance.randrange(1 << 48) for _ in range(500))) for n in range(1_000)}
    prints["copy"] = prints["7"]
    crowd = array("Q", sorted(chance.randrange(1 << 48) for _ in range(300)))
    prints |= {f"crowd {n}": crowd for n in range(200)}
    tracemalloc.start()
    pairs = similarity.near(prints)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    assert [(pair.one, pair.other, pair.share) for pair in pairs] == [("7", "copy", 1.0)]


def test_hostile_text_is_read_in_linear_time() -> None:
    assert similarity.fingerprint([b"\xff\0" * 1000, b"(" * 100_000, b"a" * 1_000_000]) is not None
