"""The prose: spelt rightly, in British spelling, and free of what must not stand in a page."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from .conftest import ROOT

PAGES = sorted(
    [
        *(path for path in (ROOT / "docs").rglob("*.md")),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    ]
)
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
# Right in British English, too, in the sense in which they are used here.
BOTH = {"program", "programs", "license", "licensed", "licenses", "disk", "disks", "check", "checks", "draft", "meter",
        "meters", "practice", "practices", "story", "stories", "toward", "curb", "gray", "tire", "ton", "tons", "jail",
        "jails", "artifact", "artifacts", "analog", "acknowledgment", "catalog"}  # fmt: skip
REGISTRIES = re.compile(r"\b(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|docker\.io|ghcr\.io|quay\.io|gcr\.io)\b")
MACHINE = re.compile(r"(?<![\w./-])/(work|root|opt|tmp/bash)/")


def prose(path: Path) -> str:
    """The text of a page without code, addresses, titles of sources and HTML."""
    text = path.read_text("utf-8")
    text = re.sub(r"^( *)(```|~~~).*?^\1\2\s*$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"`[^`\n]+`|https?://\S+|<[^>]+>|!?\[[^\]]*\]\([^)]*\)|\*[^*\n]+\*", " ", text)
    return re.sub(r"^\[\^[^\]]+\]:.*(\n {4}.*)*", "", text, flags=re.MULTILINE)


@cache
def american() -> dict[str, str]:
    """American spelling → British, from codespell's own list of the two."""
    lines = resources.files("codespell_lib").joinpath("data", "dictionary_en-GB_to_en-US.txt").read_text("utf-8")
    pairs = (line.rstrip(",").split("->") for line in lines.splitlines() if "->" in line)
    return {us.split(",")[0].strip(): gb for gb, us in pairs if us.split(",")[0].strip() not in BOTH}


def test_codespell_finds_nothing() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "codespell_lib", *NAMES, "sandbox/web"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_spelling_is_british(path: Path) -> None:
    found = {word: american()[word] for word in re.findall(r"[a-z]+", prose(path)) if word in american()}
    assert found == {}, "the British spelling is given after each word"


def test_the_list_of_spellings_knows_the_difference() -> None:
    assert american()["behavior"] == "behaviour"
    assert american()["color"] == "colour"


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_no_registry_and_no_path_of_one_machine_is_named(path: Path) -> None:
    text = path.read_text("utf-8")
    assert REGISTRIES.findall(text) == []
    assert MACHINE.findall(text) == []


@pytest.mark.parametrize("path", PAGES, ids=NAMES)
def test_no_page_is_a_wall_of_bullets(path: Path) -> None:
    """At most half of a page's words stand in lists; what is a list by nature is let be."""
    if path.name in ("practices.md", "glossary.md", "further-reading.md", "CHANGELOG.md") or "solutions" in path.parts:
        return
    lines = prose(path).splitlines()
    listed = sum(len(line.split()) for line in lines if re.match(r"\s*([-*+]|\d+[.)])\s", line))
    assert listed <= 0.5 * sum(len(line.split()) for line in lines)
