"""Finding labs and validating lab.toml."""

from pathlib import Path

import pytest

from sandbox.course import CourseError, open_course, parse_hints

TOML = """id = "{id}"
title = "Title"
summary = "What is built here."
audience = "Anyone who can read."
level = "beginner"
minutes = 10
before = [{before}]
accepts = ["answer.txt"]
{more}
[[abilities]]
text = "do one thing"
checks = ["thing"]
"""


def make_lab(root: Path, lab: str, before: str = "", more: str = "") -> Path:
    folder = root / "labs" / lab
    (folder / "starter").mkdir(parents=True)
    (folder / "checks.py").write_text("")
    (folder / "hints.md").write_text("## thing\n\n1. a\n2. b\n3. c\n")
    (folder / "lab.toml").write_text(TOML.format(id=lab, before=before, more=more))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_lab(tmp_path, "01-version-control")
    make_lab(tmp_path, "02-testing", before='"01-version-control"')
    make_lab(tmp_path, "12-drift")
    return tmp_path


@pytest.mark.parametrize("name", ["2", "02", "testing", "02-testing", "02-te", "TEST"])
def test_a_lab_is_found_by_number_name_and_prefix(root: Path, name: str) -> None:
    assert open_course(root).find(name).id == "02-testing"


def test_a_wrong_name_suggests_the_right_one(root: Path) -> None:
    with pytest.raises(CourseError, match="Did you mean 02-testing"):
        open_course(root).find("tseting")


def test_a_prefix_of_two_labs_names_both(root: Path) -> None:
    make_lab(root, "13-drills")
    with pytest.raises(CourseError, match="12-drift, 13-drills"):
        open_course(root).find("dri")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("mintues = 3", r"lab\.toml:9: mintues: unknown key"),
        ("[limits]\ntime_s = -1", r"lab\.toml:10: limits\.time_s: Input should be greater than 0"),
        ("broken = [", "not valid TOML"),
    ],
)
def test_a_wrong_lab_toml_is_told_with_its_line(root: Path, more: str, message: str) -> None:
    make_lab(root, "03-broken", more=more)
    with pytest.raises(CourseError, match=message):
        _ = open_course(root).labs


def test_an_id_that_is_not_the_folder_is_refused(root: Path) -> None:
    (root / "labs" / "12-drift").rename(root / "labs" / "12-shift")
    with pytest.raises(CourseError, match=r"lab\.toml:1: the id is '12-drift' but the folder is '12-shift'"):
        _ = open_course(root).labs


def test_labs_that_wait_for_each_other_are_refused(root: Path) -> None:
    make_lab(root, "03-a", before='"04-b"')
    make_lab(root, "04-b", before='"03-a"')
    with pytest.raises(CourseError, match="03-a, 04-b"):
        _ = open_course(root).labs


def test_globs_cannot_leave_the_workspace(root: Path) -> None:
    folder = make_lab(root, "03-a")
    text = (folder / "lab.toml").read_text().replace("answer.txt", "../answer.txt")
    (folder / "lab.toml").write_text(text)
    with pytest.raises(CourseError, match="leaves the workspace"):
        _ = open_course(root).labs


def test_the_digest_changes_with_a_lab_file(root: Path) -> None:
    before = open_course(root).find("02").digest()
    (root / "labs" / "02-testing" / "checks.py").write_text("# changed")
    assert open_course(root).find("02").digest() != before


def test_hints_are_split_into_steps() -> None:
    text = "# T\n\n## check_one\n\n1. first\n   goes on\n2. second\n\n## two\n1. only\n"
    assert parse_hints(text) == {"one": ["first goes on", "second"], "two": ["only"]}
