"""Workflows read as data: when they start, what they use, which runs exclude one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.grading.api import CheckFailed
from sandbox.grading.workflows.concurrency import settings
from sandbox.grading.workflows.repository import Look, make
from sandbox.grading.workflows.workflow import Workflow, parse

NAME = ".github/workflows/x.yml"


def workflow(text: str, folder: Path = Path()) -> Workflow:
    return parse(text, NAME, folder)


@pytest.mark.parametrize(
    ("on", "event", "ref", "starts"),
    [
        ("push", "push", "refs/heads/any", True),
        ("push", "push", "refs/tags/v1", True),
        ("push", "pull_request", "refs/heads/main", False),
        ("{push: {branches: [main]}}", "push", "refs/heads/main", True),
        ("{push: {branches: [main]}}", "push", "refs/tags/main", False),
        ("{push: {branches: ['ma*', '!maintenance']}}", "push", "refs/heads/maintenance", False),
        ("{push: {branches: ['release/*']}}", "push", "refs/heads/release/1/2", False),
        ("{push: {branches-ignore: [main]}}", "push", "refs/heads/main", False),
        ("{push: {paths: ['data/**']}}", "push", "refs/heads/main", False),
        ("{pull_request: {types: [closed]}}", "pull_request", "refs/heads/main", False),
        ("[push, workflow_dispatch]", "push", "refs/heads/main", True),
    ],
)
def test_it_starts_as_on_github(on: str, event: str, ref: str, starts: bool) -> None:
    assert workflow(f"on: {on}\njobs: {{}}").starts_on(event, ref) is starts


def test_a_file_that_cannot_be_read_is_told_with_its_line() -> None:
    with pytest.raises(CheckFailed, match=r"x\.yml, line 2"):
        workflow("on: push\n\tjobs: 1")
    with pytest.raises(CheckFailed, match="holds no workflow"):
        workflow("- on")


def test_what_is_used_is_found_through_actions_of_the_repository(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "action.yml").write_text("runs: {steps: [{uses: actions/cache@v4}, {uses: ./own}]}")
    found = workflow("on: push\njobs: {a: {steps: [{uses: ./own}, {uses: actions/checkout@v4}]}}", tmp_path).uses()
    assert found == {"actions/cache@v4", "actions/checkout@v4"}


def test_concurrency_counts_for_the_workflow_or_in_every_job() -> None:
    whole = workflow("on: push\nconcurrency: cd\njobs: {a: {}, b: {}}")
    assert settings(whole) == {"the workflow": ("cd", "false")}
    assert settings(workflow("on: push\njobs: {a: {concurrency: x}, b: {}}")) == {}
    each = workflow("on: push\njobs: {a: {concurrency: {group: x, cancel-in-progress: true}}}")
    assert settings(each) == {"job a": ("x", "true")}


def test_a_repository_is_made_the_same_twice(tmp_path: Path) -> None:
    look = Look("Ines", "Work", 1_700_000_000)
    tree = {"a.txt": b"1\n"}
    made = [make(tmp_path / n, [("1.0.0", tree)], tree, {"a.txt": b"2\n"}, branch="main", look=look) for n in "xy"]
    assert made[0].sha == made[1].sha != made[0].before
    assert (made[0].folder / "a.txt").read_bytes() == b"2\n"
