"""A lab in work has ``draft.toml`` in place of ``lab.toml``: it is in the repository and not in the course."""

from pathlib import Path

from sandbox.course import open_course

from .test_course import make_lab


def test_a_draft_is_not_in_the_course(tmp_path: Path) -> None:
    make_lab(tmp_path, "01-version-control")
    folder = make_lab(tmp_path, "02-testing")
    (folder / "lab.toml").rename(folder / "draft.toml")
    assert [lab.id for lab in open_course(tmp_path).labs] == ["01-version-control"]
