"""A course of one small lab behind the course server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from sandbox.web.guard import TOKEN_HEADER
from sandbox.web.server import create_app

TOKEN = "token-of-the-tests"
ADDRESS = "http://127.0.0.1:8080"
LAB = "00-orientation"

LAB_TOML = f"""id = "{LAB}"
title = "Mini"
summary = "A lab for the tests of the course server."
audience = "The tests of the course server."
level = "beginner"
minutes = 10
accepts = ["*.txt"]
[limits]
time_s = 900
[[abilities]]
text = "write a number"
checks = ["number"]
"""

CHECKS = '''
import time
from sandbox.grading import check, fail


@check(points=2, timeout=900)
def check_number(submission):
    """The answer is 42."""
    text = submission.read("answer.txt").strip()
    if text.startswith("slow"):
        time.sleep(600)
    if text == "broken":
        raise RuntimeError("a bug of the judge: SECRET-OF-THE-JUDGE")
    if text != "42":
        fail("the answer is another one", observed=text, expected="42")


@check(points=1, after="number")
def check_second(submission):
    """The second line is asked for only after the first."""
    assert submission.path.joinpath("more.txt").is_file(), "more.txt is missing"
'''

HINTS = """## number

1. Look at `answer.txt`; you wrote {observed}.
2. It is the answer to everything.
3. Write 42.

## second

1. one
2. two
3. three
"""


def make_course(root: Path) -> Path:
    """Lay out a course whose only lab has the id of a real one, so that the real site's page can drive it."""
    folder = root / "labs" / LAB
    (folder / "starter").mkdir(parents=True)
    (folder / "starter" / "answer.txt").write_text("0\n")
    (folder / "lab.toml").write_text(LAB_TOML)
    (folder / "checks.py").write_text(CHECKS)
    (folder / "hints.md").write_text(HINTS)
    return root


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SANDBOX_WORK", "SANDBOX_STATE", "SANDBOX_COURSE"):
        monkeypatch.delenv(name, raising=False)
    return make_course(tmp_path / "course")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<html><head><script>let a = 1</script></head><body>Home</body></html>")
    (folder / "404.html").write_text("<html><head></head><body>Not on the board</body></html>")
    (folder / "a.js").write_text("let b = 2;")
    return folder


@pytest.fixture
def client(course: Path, site: Path) -> Iterator[TestClient]:
    with TestClient(create_app(site, course, TOKEN), base_url=ADDRESS, headers={TOKEN_HEADER: TOKEN}) as client:
        yield client
