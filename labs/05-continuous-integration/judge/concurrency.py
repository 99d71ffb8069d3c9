"""Which runs would cancel which: the workflow's own `concurrency` expressions, evaluated by `act` for several events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from judge import commits
from judge.repository import PULL
from judge.runs import Runs, Scene, event
from judge.workflow import Workflow

ASK = ".github/workflows/ask.yml"


@dataclass(frozen=True)
class Answer:
    """What GitHub would make of `concurrency` for one run."""

    group: str
    cancels: bool


def settings(workflow: Workflow) -> dict[str, tuple[str, str]]:
    """Where `concurrency` stands → its group and cancel-in-progress, as written.

    That of the whole workflow counts for all; without one every job needs its own, else the result is empty.
    """
    if "concurrency" in workflow.table:
        return {"the workflow": _pair(workflow.table["concurrency"])}
    jobs = {f"job {name}": job.get("concurrency") for name, job in workflow.jobs.items()}
    return {name: _pair(value) for name, value in jobs.items()} if jobs and all(jobs.values()) else {}


def _pair(value: Any) -> tuple[str, str]:
    if isinstance(value, Mapping):
        cancel = value.get("cancel-in-progress", False)
        return str(value.get("group", "")), str(cancel).lower() if isinstance(cancel, bool) else str(cancel)
    return str(value), "false"


def ask(runs: Runs, workflow: Workflow, found: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, Answer]]:
    """Place → event → answer, for the events `first`, `second` (a newer push to the same pull request), `other` (another
    pull request), `main` and `release` (pushes)."""
    scenes = {
        "first": Scene(commits.documentation, pull="fix/timetable"),
        "second": Scene(commits.documentation, pull="fix/timetable"),
        "other": Scene(commits.documentation, pull="feature/weather"),
        "main": Scene(commits.documentation),
        "release": Scene(commits.documentation, branch="release/1.10"),
    }
    environment = {}
    for number, (group, cancel) in enumerate(found.values()):
        environment |= {f"GROUP_{number}": group, f"CANCEL_{number}": cancel}
    script = "\n".join(
        f'printf "%s\\n" "concurrency {n} $GROUP_{n}" "cancel {n} $CANCEL_{n}"' for n in range(len(found))
    )
    steps = [{"env": environment, "run": script}]
    table = {"on": ["push", "pull_request"], "jobs": {"ask": {"runs-on": "ubuntu-latest", "steps": steps}}}
    if "name" in workflow.table:
        table["name"] = workflow.table["name"]
    text = yaml.safe_dump(table)
    answers: dict[str, dict[str, Answer]] = {place: {} for place in found}
    for number, (name, scene) in enumerate(scenes.items()):
        made = runs.prepare(scene, name)
        payload = event(scene, made, runs.look)
        if name == "other":
            payload |= {"number": PULL + 1}
            payload["pull_request"]["number"] = PULL + 1
        finished = runs.act(made, scene.event, payload, [
            "--env", f"GITHUB_RUN_ID={7000 + number}", "--env", f"GITHUB_RUN_NUMBER={70 + number}",
        ], workflow=ASK, extra={f"origin/{ASK}": text})  # fmt: skip
        said = dict[str, str]()
        for line in finished.stdout.splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("raw_output"):
                kind, _, rest = str(entry["msg"]).rstrip("\n").partition(" ")
                index, _, value = rest.partition(" ")
                said[f"{kind} {index}"] = value
        for index, place in enumerate(found):
            if f"concurrency {index}" not in said:
                raise RuntimeError(
                    f"act did not evaluate {found[place]!r}: {finished.stdout[-600:]} {finished.stderr[-600:]}"
                )
            answers[place][name] = Answer(said[f"concurrency {index}"], said[f"cancel {index}"] == "true")
    return answers
