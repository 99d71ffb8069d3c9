"""Workflows read as data: when they start, what they use, which runs exclude one another."""

from __future__ import annotations

import subprocess
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


def test_rights_come_from_the_job_the_workflow_or_the_caller(tmp_path: Path) -> None:
    (tmp_path / "inner.yml").write_text("on: workflow_call\njobs: {a: {}, b: {permissions: {}}}")
    text = "on: push\njobs: {x: {uses: ./inner.yml, permissions: write-all}, y: {uses: ./inner.yml}, z: {}}"
    found = {name: home.rights(job) for name, job, home in workflow(text, tmp_path).all_jobs()}
    assert found == {"x / a": "write-all", "x / b": {}, "y / a": None, "y / b": {}, "z": None}
    above = workflow("permissions: {contents: read}\n" + text, tmp_path)
    assert [home.rights(job) for name, job, home in above.all_jobs() if name == "y / a"] == [{"contents": "read"}]


@pytest.mark.parametrize(
    ("job", "machines"),
    [
        ("{runs-on: ubuntu-latest}", {"ubuntu-latest"}),
        ("{runs-on: [a, b]}", {"a", "b"}),
        ("{runs-on: {labels: [a], group: big}}", {"a"}),
        ("{runs-on: '${{ matrix.os }}', strategy: {matrix: {os: [a, b], include: [{os: c}]}}}", {"a", "b", "c"}),
        ("{runs-on: '${{ matrix.os }}'}", {"matrix.os"}),
    ],
)
def test_machines_are_those_of_the_matrix(job: str, machines: set[str]) -> None:
    parsed = workflow(f"on: push\njobs: {{a: {job}}}")
    assert parsed.machines(parsed.jobs["a"]) == machines


@pytest.mark.parametrize(
    ("strategy", "legs"),
    [
        ("", 1),
        ("strategy: {matrix: {p: [1, 2], q: [3, 4, 5]}}", 6),
        ("strategy: {matrix: {include: [{p: 1}, {p: 2}]}}", 2),
        ("strategy: {matrix: {p: '${{ fromJSON(needs.x.outputs.p) }}'}}", 2),
        ("strategy: {matrix: '${{ fromJSON(needs.x.outputs.all) }}'}", 2),
    ],
)
def test_legs_of_a_matrix_are_counted(strategy: str, legs: int) -> None:
    parsed = workflow(f"on: push\njobs: {{a: {{{strategy}}}}}")
    assert parsed.legs(parsed.jobs["a"]) == legs


def test_a_job_waits_for_those_before_those_it_needs() -> None:
    parsed = workflow("on: push\njobs: {a: {}, b: {needs: a}, c: {needs: [b]}, d: {}}")
    assert parsed.waits_for("c") == {"a", "b"}
    assert parsed.waits_for("d") == set()


@pytest.mark.parametrize(
    ("value", "tolerated"),
    [
        ("true", True),
        ("false", False),
        ("${{ false }}", False),
        ("${{ matrix.new }}", True),
        ("${{ matrix.old || false }}", False),
        ("${{ matrix.python == '3.13' }}", True),
        ("${{ matrix.python != '3.13' }}", False),
        ("${{ matrix.new == true }}", True),
        ("${{ github.event_name == 'push' }}", True),
    ],
)
def test_a_job_that_may_fail_is_told(value: str, tolerated: bool) -> None:
    parsed = workflow(f'on: push\njobs: {{a: {{continue-on-error: "{value}"}}}}')
    assert parsed.tolerated("a", {"python": "3.13", "new": True}) is tolerated


def test_a_job_that_may_fail_is_told_in_a_called_workflow(tmp_path: Path) -> None:
    (tmp_path / "inner.yml").write_text("on: workflow_call\njobs: {a: {continue-on-error: true}, b: {}}")
    parsed = workflow("on: push\njobs: {x: {uses: ./inner.yml}}", tmp_path)
    assert parsed.tolerated("a", {})
    assert not parsed.tolerated("b", {})


def test_a_push_may_bring_two_commits(tmp_path: Path) -> None:
    look = Look("Ines", "Work", 1_700_000_000)
    first, second = {"a.txt": b"2\n"}, {"a.txt": b"2\n", "b.txt": b"\n"}
    for pull in ("", "fix/x"):
        made = make(
            tmp_path / (pull or "push"), [("1.0.0", {})], {"a.txt": b"1\n"}, second, branch="main", look=look, pull=pull, earlier=first
        )  # fmt: skip
        log = subprocess.run(
            ["git", "-C", str(made.folder), "rev-list", "--parents", "--max-count=2", made.head],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        assert log == [made.head, made.earlier, made.earlier, made.before]


def test_a_workflow_that_calls_itself_is_read_to_an_end(tmp_path: Path) -> None:
    text = "on: workflow_call\njobs: {x: {uses: ./own.yml}}"
    (tmp_path / "own.yml").write_text(text)
    parsed = workflow(text, tmp_path)
    assert [job["uses"] for _, job, _ in parsed.all_jobs()] == ["./own.yml"]
    assert not parsed.tolerated("x", {})
