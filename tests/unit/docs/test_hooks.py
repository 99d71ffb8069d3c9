"""Navigation: a folder followed by /*.md stands for its pages that are named nowhere else."""

from __future__ import annotations

from pathlib import Path

from sandbox.web.pages.hooks import expand


def test_a_folder_stands_for_its_other_pages(tmp_path: Path) -> None:
    (tmp_path / "labs").mkdir()
    for name in ("index", "02-testing", "00-orientation"):
        (tmp_path / "labs" / f"{name}.md").write_text("# x", "utf-8")
    nav = [{"Labs": ["labs/index.md", "labs/*.md"]}, {"Home": "index.md"}]
    titles = {"labs/02-testing.md": "02 Testing"}
    assert expand(nav, tmp_path, {"labs/index.md", "index.md"}, titles) == [
        {"Labs": ["labs/index.md", "labs/00-orientation.md", {"02 Testing": "labs/02-testing.md"}]},
        {"Home": "index.md"},
    ]


def test_an_empty_folder_adds_nothing(tmp_path: Path) -> None:
    assert expand(["labs/*.md"], tmp_path, set(), {}) == []
