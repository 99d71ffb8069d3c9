"""Which runs would cancel which: a workflow's own `concurrency` expressions, evaluated by `act` for several events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from sandbox.grading.workflows.workflow import Workflow
from sandbox.jail import Finished

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


Run = Callable[[str, str, dict[str, str], list[str]], Finished]
"""Runs a workflow for the event of this name: name, path of the workflow, files over the repository, arguments for `act`."""


def ask(
    workflow: Workflow, found: Mapping[str, tuple[str, str]], events: Sequence[str], run: Run
) -> dict[str, dict[str, Answer]]:
    """Place → name of an event → answer."""
    environment: dict[str, str] = {}
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
    for number, name in enumerate(events):
        finished = run(name, ASK, {f"origin/{ASK}": text}, [
            "--env", f"GITHUB_RUN_ID={7000 + number}", "--env", f"GITHUB_RUN_NUMBER={70 + number}",
        ])  # fmt: skip
        said = dict[str, str]()
        for line in finished.stdout.splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("raw_output"):
                kind, _, rest = str(entry["msg"]).rstrip("\n").partition(" ")
                index, _, value = rest.partition(" ")
                said[f"{kind} {index}"] = value
        for n, place in enumerate(found):
            if f"concurrency {n}" not in said:
                raise RuntimeError(
                    f"act did not evaluate {found[place]!r}: {finished.stdout[-600:]} {finished.stderr[-600:]}"
                )
            answers[place][name] = Answer(said[f"concurrency {n}"], said[f"cancel {n}"] == "true")
    return answers
