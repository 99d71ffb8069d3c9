"""Diagrams: the rendered files are those of their sources, small, and follow the page's palette."""

from __future__ import annotations

import re

import pytest

from sandbox.web.pages import diagrams

MAX_BYTES = 40_000


@pytest.mark.skipif(diagrams.d2_path() is None, reason="d2 is not installed (extra: dev)")
def test_rendered_diagrams_are_those_of_their_sources() -> None:
    stale = [file.name for file, text in diagrams.rendered() if not file.is_file() or file.read_text("utf-8") != text]
    assert stale == [], "run: python -m sandbox.web.pages.diagrams"


def test_no_diagram_is_left_without_its_source() -> None:
    sources = {path.stem for path in diagrams.FOLDER.glob("[!_]*.d2")} | {"late-by-month", "auc-by-month"}
    assert {path.stem.removesuffix("-dark") for path in diagrams.FOLDER.glob("*.svg")} == sources


def test_diagrams_are_small_and_choose_no_palette_by_themselves() -> None:
    for path in diagrams.FOLDER.glob("*.svg"):
        text = path.read_text("utf-8")
        assert len(text) < MAX_BYTES, path.name
        assert "prefers-color-scheme" not in text, path.name
        assert not any(stand_in in text for stand_in in diagrams.PALETTE), path.name


def test_light_and_dark_show_the_same_words() -> None:
    for path in diagrams.FOLDER.glob("*.d2"):
        if not path.name.startswith("_"):
            light, dark = (
                re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", path.with_name(path.stem + end).read_text("utf-8"))
                for end in (".svg", "-dark.svg")
            )
            assert light == dark
            assert light


def test_the_share_of_late_flights_is_what_the_pages_say() -> None:
    shares = diagrams.late_share_by_month()
    assert [f"{share:.0%}" for share in (shares[0], shares[6], shares[8], shares[11])] == ["23%", "31%", "13%", "33%"]
    assert min(shares) == shares[8]
    assert max(shares) == shares[11]


def test_a_chart_marks_the_months_that_it_is_told() -> None:
    values = [0.2] * 10 + [0.1, 0.3]
    svg = diagrams.month_chart(values, ".0%", 500, {11, 12}, ("#000001", "#000002", "#000003"))
    assert svg.count('fill="#000003"') == 2
    assert svg.count('fill="#000002"') == 10
    assert ">30%</text>" in svg
