"""What the checks of lab 05 stand on: the parsed workflow, and its runs on commits."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from judge import commits
from judge.runs import CI, Runs, Scene

from sandbox import tools
from sandbox.grading.plainyaml import NotYaml, read_yaml
from sandbox.grading.workflows import repository
from sandbox.grading.workflows.concurrency import Answer, ask, settings
from sandbox.grading.workflows.repository import PULL
from sandbox.grading.workflows.run import Outcome, must_be_green
from sandbox.grading.workflows.workflow import KNOWN_ACTIONS, RUNNERS, Table, Workflow, parse
from sandbox.jail import Finished, Limits


@pytest.fixture(scope="session")
def workflow(submission: Any) -> Callable[[], Workflow]:
    """Parse the workflow; fails the check that asks where it cannot be read."""
    return lambda: parse(submission.read(CI, max_bytes=200_000), CI, submission.path)


@pytest.fixture(scope="session")
def workflows(workflow: Callable[[], Workflow], submission: Any) -> Callable[[], dict[str, Workflow]]:
    """Every workflow that GitHub would start, by the name of its file where that is not `ci.yml`."""

    def read() -> dict[str, Workflow]:
        found = {"": workflow()}
        for path in sorted((submission.path / CI).parent.glob("*.y*ml")):
            if path.name == Path(CI).name or path.is_symlink() or path.suffix not in (".yml", ".yaml"):
                continue
            try:
                table = read_yaml(path.read_text("utf-8", "replace"), path.name)
            except NotYaml:
                continue  # GitHub starts nothing that it cannot read.
            other = Workflow(table, submission.path) if isinstance(table, Mapping) else None
            if other and set(other.triggers) - {"workflow_call"}:
                found[path.name] = other
        return found

    return read


@pytest.fixture(scope="session")
def every_job(workflows: Callable[[], dict[str, Workflow]]) -> Callable[[], list[tuple[str, Table, Workflow]]]:
    """Every job of every workflow, with the workflow it stands in."""
    return lambda: [
        (f"{name} of {file}" if file else name, job, home)
        for file, each in workflows().items()
        for name, job, home in each.all_jobs()
    ]


@pytest.fixture(scope="session")
def every_use(workflows: Callable[[], dict[str, Workflow]]) -> Callable[[], set[str]]:
    """Every action of elsewhere that a workflow uses."""
    return lambda: set().union(*(each.uses() for each in workflows().values()))


@pytest.fixture(scope="session")
def every_trigger(workflows: Callable[[], dict[str, Workflow]]) -> Callable[[], set[str]]:
    """Every event that starts a workflow."""
    return lambda: set().union(*(each.triggers for each in workflows().values()))


@pytest.fixture(scope="session")
def schema_problem(jail: Any, submission: Any) -> Callable[[], str]:
    """What the schema of workflows finds wrong, with line and column; empty where nothing."""

    def ask() -> str:
        done = jail.run(
            [tools.require("act").argv[0], "--validate", "--strict", "-W", CI],
            files={CI: submission.path / CI}, limits=Limits(timeout_s=20, memory_mb=2048),
        )  # fmt: skip
        if done.ok:
            return ""
        text = done.stderr + done.stdout
        first = next((line for line in text.splitlines() if line.startswith("Error:")), text.strip())
        places = re.findall(r"Line: (\d+) Column (\d+): (.*?)(?=: Line: |$)", first)
        told = [
            f"{CI}, line {line}, column {column}: {what}"
            for line, column, what in places
            if "Failed to match" not in what
        ]
        return "\n".join(told[:3]) or first.removeprefix("Error: ")[:400]

    return ask


@pytest.fixture(scope="session")
def warm(lab: Any, tmp_path_factory: Any) -> Path:
    """What every run would make anew, made once: bytecode of the packages that a run imports, since nothing can be
    written to them from inside the jail; and mypy's knowledge of the standard library, in the folder that is returned."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    modules = "coverage.cmdline, coverage.report, coverage.sqldata, numpy, pytest, pytest_cov.engine, pytest_cov.plugin"
    folder: Path = tmp_path_factory.mktemp("warm")
    shutil.copytree(lab.starter, folder / "starter")
    for arguments in (("-c", f"import {modules}"), ("-m", "mypy", "--cache-dir", str(folder / "mypy"))):
        subprocess.run(
            [sys.executable, *arguments], cwd=folder / "starter", env=environment, check=False, capture_output=True
        )
    (folder / "mypy").mkdir(exist_ok=True)
    (folder / "mypy").chmod(0o755)
    return folder / "mypy"


def _base(lab: Any) -> repository.Tree:
    files = repository.read_tree(lab.starter)
    return {name: content for name, content in files.items() if not name.startswith(".github/")}


@pytest.fixture(scope="session")
def runs(
    workflow: Callable[[], Workflow],
    submission: Any,
    lab: Any,
    jail: Any,
    run_seed: int,
    tmp_path_factory: Any,
    warm: Path,
) -> Runs:
    """Runs of the learner's workflow."""
    brought = repository.read_tree(submission.path, list(submission.accepted))
    folder = tmp_path_factory.mktemp("runs")
    tools.require("git")
    return Runs(jail, tools.require("act").argv[0], workflow(), _base(lab), brought, folder, run_seed, warm)


@pytest.fixture(scope="session")
def run_on(runs: Runs) -> Callable[..., Outcome]:
    """``run_on("refactoring", pull="fix/x")``: the outcome of the learner's workflow on a commit of this kind."""
    return runs


@pytest.fixture(scope="session")
def all_runs(runs: Runs) -> Callable[[], list[Outcome]]:
    """Every run so far, of every check."""
    return runs.done


@pytest.fixture(scope="session")
def bad_runs(runs: Runs, lab: Any, parallel: Any) -> Callable[[], list[tuple[str, Outcome]]]:
    """The runs on bad commits, each with what is bad about it."""

    def run() -> list[tuple[str, Outcome]]:
        commits = [(fault.title, fault.name, fault.params) for fault in lab.faults("commits")]
        commits += [(f"breaks on Python 3.{n} only", f"python-3-{n}", {"pull": "*"}) for n in (11, 12)]
        return parallel(lambda each: (each[0], runs(each[1], **each[2])), commits)  # type: ignore[no-any-return]

    return run


@pytest.fixture(scope="session")
def reference_on(lab: Any, jail: Any, run_seed: int, tmp_path_factory: Any, warm: Path) -> Runs:
    """The same for the reference solution, to compare times with."""
    parsed = Workflow(read_yaml((lab.solution / CI).read_text("utf-8"), CI), lab.solution)
    folder, brought = tmp_path_factory.mktemp("reference"), repository.read_tree(lab.solution)
    return Runs(jail, tools.require("act").argv[0], parsed, _base(lab), brought, folder, run_seed, warm)


@pytest.fixture(scope="session")
def green() -> Callable[[Outcome, str], None]:
    """``green(outcome, "a refactoring")``: fails the check, with the reason, where the run is red."""
    return must_be_green


# `second` is a newer push to the pull request of `first`, and `main again` one to main.
EVENTS = {
    "first": Scene(commits.documentation, pull="fix/timetable"),
    "second": Scene(commits.documentation, pull="fix/timetable"),
    "other": Scene(commits.documentation, pull="feature/weather", number=PULL + 1),
    "main": Scene(commits.documentation),
    "main again": Scene(commits.documentation),
    "release": Scene(commits.documentation, branch="release/1.10"),
}


@pytest.fixture(scope="session")
def concurrency(runs: Runs, workflow: Callable[[], Workflow]) -> Callable[[], dict[str, dict[str, Answer]]]:
    """What the workflow's `concurrency` comes to for several events, by the place where it stands."""

    def run(name: str, file: str, extra: dict[str, str], arguments: list[str]) -> Finished:
        scene = EVENTS[name]
        return runs.act(scene, runs.prepare(scene, name), arguments, workflow=file, extra=extra)

    def evaluate() -> dict[str, dict[str, Answer]]:
        parsed = workflow()
        found = settings(parsed)
        return ask(parsed, found, list(EVENTS), run) if found else {}

    return evaluate


@pytest.fixture(scope="session")
def known_actions() -> frozenset[str]:
    """The actions that have a stand-in."""
    return frozenset(KNOWN_ACTIONS)


@pytest.fixture(scope="session")
def runners() -> frozenset[str]:
    """The names of machines that `runs-on` may ask for."""
    return frozenset(RUNNERS)


@pytest.fixture(scope="session")
def expected_model(jail: Any) -> Callable[[Any], Mapping[str, bytes]]:
    """`model.json` and `metrics.json` as training on the commit of a run gives them."""

    def train(outcome: Any) -> Mapping[str, bytes]:
        done = jail.run(
            ["python", "-m", "flightdelay.train"],
            files=outcome.tree, collect=("build",), limits=Limits(timeout_s=30, memory_mb=2048),
        )  # fmt: skip
        if not done.ok:
            raise RuntimeError(f"the judge's own training failed: {done.stderr[-400:]}")
        return {Path(name).name: content for name, content in done.files.items()}

    return train
