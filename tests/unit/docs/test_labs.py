"""The fragments that are made from lab.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.course import LabSpec
from sandbox.errors import UserError
from sandbox.web.pages import labs

from .conftest import ROOT


def spec(name: str, **changes: object) -> LabSpec:
    values = {
        "id": name,
        "title": name[3:].capitalize(),
        "summary": "One sentence about it.",
        "audience": "Whoever can read this.",
        "level": "beginner",
        "minutes": 90,
        "accepts": ("tests/*.py",),
        "abilities": ({"text": "write a test that fails", "checks": ("x",)},),
    }
    return LabSpec.model_validate({**values, **changes})


@pytest.mark.parametrize(("minutes", "text"), [(25, "25 min"), (60, "1 h"), (90, "1 h 30 min"), (125, "2 h 5 min")])
def test_length_is_read_aloud_easily(minutes: int, text: str) -> None:
    assert labs.length(minutes) == text


def test_head_links_to_labs_that_exist_and_names_the_others() -> None:
    here = spec("02-testing", before=("00-orientation",), after=("03-models",), needs=("git",), optional=("docker",))
    html = labs.head(here, {"00-orientation": spec("00-orientation"), "02-testing": here})
    assert '<a href="00-orientation.html">00 Orientation</a>' in html
    assert "03 models (to come)" in html
    assert "03-models.html" not in html
    assert "<code>git</code>, <code>docker</code> for one part" in html
    assert "make check LAB=02" in html


def test_words_between_back_ticks_are_code_in_the_head() -> None:
    here = spec("02-testing", audience="You have seen `assert <x>` before.")
    assert "seen <code>assert &lt;x&gt;</code> before" in labs.head(here, {})


def test_text_from_a_file_cannot_become_markup() -> None:
    nasty = spec("02-testing", summary="<script>alert(1)</script> now", audience="<b>everyone</b> here")
    for html in (labs.head(nasty, {}), labs.lab_map({"02-testing": nasty}), labs.board({"02-testing": nasty})):
        assert "<script>" not in html
        assert "<b>" not in html


def test_a_lab_stands_below_everything_it_builds_on() -> None:
    specs = {
        "00-aa": spec("00-aa"),
        "01-bb": spec("01-bb", before=("00-aa",)),
        "02-cc": spec("02-cc", before=("00-aa",)),
        "03-dd": spec("03-dd", before=("00-aa", "02-cc")),
    }
    assert [labs.depth(name, specs) for name in specs] == [0, 1, 1, 2]
    html = labs.lab_map(specs)
    assert html.count("lab-map__row") == 3
    assert "after 00, 02" in html


def test_a_lab_before_that_is_not_in_this_copy_is_told_and_still_comes_before() -> None:
    specs = {"03-dd": spec("03-dd", before=("02-cc",))}
    assert labs.depth("03-dd", specs) == 1
    assert "after 02 (to come)" in labs.lab_map(specs)


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("index.md", "labs/02-testing.md"),
        ("labs/index.md", "02-testing.md"),
        ("concepts/ci.md", "../labs/02-testing.md"),
    ],
)
def test_a_mention_is_a_link_where_the_lab_is_here(page: str, link: str) -> None:
    text = "See [testing](lab:02), then [drift](lab:12). Write `[testing](lab:02)`."
    assert labs.mentions(text, page, {"02-testing": spec("02-testing")}) == (
        f"See [testing]({link}), then drift (to come). Write `[testing](lab:02)`."
    )


def test_pages_mention_only_labs_that_are_planned() -> None:
    """The syllabus names them all: a slip in a number would else say "(to come)" for ever."""
    planned = set(labs.MENTION.findall((ROOT / "docs/instructors/syllabus.md").read_text("utf-8")))
    numbers = {number for _, number in planned}
    assert len(numbers) == 15
    for path in (ROOT / "docs").rglob("*.md"):
        found = {number for _, number in labs.MENTION.findall(path.read_text("utf-8"))}
        assert found <= numbers, path.name


def test_a_ring_is_told() -> None:
    specs = {"00-aa": spec("00-aa", before=("01-bb",)), "01-bb": spec("01-bb", before=("00-aa",))}
    with pytest.raises(ValueError, match=r"00-aa → 01-bb come before one another"):
        labs.depth("00-aa", specs)


def test_a_broken_lab_toml_names_file_and_key(tmp_path: Path) -> None:
    folder = tmp_path / "02-testing"
    folder.mkdir()
    (folder / "lab.toml").write_text('id = "02-testing"\ntitel = "Testing"\n', "utf-8")
    with pytest.raises(UserError, match=r"lab\.toml"):
        labs.read_specs(tmp_path)
