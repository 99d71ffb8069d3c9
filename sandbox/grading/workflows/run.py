"""Runs a workflow on a repository: makes the event, starts `act` in the jail, reads what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.grading.api import fail
from sandbox.grading.workflows.repository import OWNER_AND_NAME, PULL, Look, Made, Tree
from sandbox.grading.workflows.workflow import Workflow
from sandbox.jail import Finished, Jail, Limits

MACHINE = Path(__file__).resolve().parent / "machine"
INSIDE = "/opt/machine"
MYPY = "/opt/mypy-cache"
LIMITS = Limits(timeout_s=150, cpu_s=90, memory_mb=2048, processes=400, file_mb=64, disk_mb=256)


@dataclass(frozen=True)
class Step:
    """A step that failed: the job it stands in, its name, the end of what it printed."""

    job: str
    name: str
    output: str


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    Attributes:
        green: whether GitHub would show the run as successful.
        jobs: job → "success" or "failure"; a job that did not run is not in it.
        output: all that the steps printed, and all that the runner told of them.
        summary: what the steps wrote for the run's summary page.
        artifacts: name of the artifact → path in it → content.
        tree: the files of the commit that was checked.
    """

    green: bool
    jobs: Mapping[str, str]
    failed: tuple[Step, ...]
    output: str
    summary: str
    artifacts: Mapping[str, Mapping[str, bytes]]
    evidence: Mapping[str, bytes]
    finished: Finished
    token: str
    tree: Tree = field(repr=False)
    made: Made

    def why(self) -> str:
        """Why the run is red, for the learner."""
        if self.finished.timed_out:
            return f"the run was stopped after {LIMITS.timeout_s:g} s"
        if self.failed:
            step = self.failed[0]
            return f"job {step.job}, step “{step.name}”:\n{step.output}".strip()
        return self.finished.stderr.strip()[-600:] or "no step failed, but the run did"


def act(
    jail: Jail, program: str, workflow: Workflow, file: str, made: Made, event: str, payload: Mapping[str, Any],
    arguments: Sequence[str], *, separate: bool = False, extra: Mapping[str, str] | None = None, mypy: Path | None = None,
    mounts: Mapping[str, Path] | None = None, limits: Limits = LIMITS,
) -> Finished:  # fmt: skip
    """Run `act` in the jail on a repository.

    Args:
        program: where `act` lies.
        workflow: names the actions that are laid out.
        file: the path of the workflow that is run.
        separate: whether each job gets an emptied machine, as on GitHub.
        extra: files that lie beside or over the repository, which is the folder ``origin``.
        mypy: a folder with what mypy knows already, for workflows that run it.
        mounts: further read-only views.
    """
    uses = "\n".join(sorted(workflow.uses())) + "\n"
    return jail.run(
        ["python", "-I", f"{INSIDE}/drive.py", program, event, file, *arguments],
        files=[{"origin": made.folder, "event.json": json.dumps(payload), "uses.txt": uses}, dict(extra or {})],
        env={"STANDIN_FRESH": "1" if separate else "0", **({"STANDIN_MYPY": MYPY} if mypy else {})},
        mounts={INSIDE: MACHINE, **({MYPY: mypy} if mypy else {}), **(mounts or {})},
        limits=limits,
        collect=("artifacts", "evidence"),
    )


def payload(
    made: Made,
    look: Look,
    *,
    branch: str,
    pull: str = "",
    title: str = "",
    fork: bool = False,
    number: int = PULL,
) -> dict[str, Any]:
    """The payload of a push to ``branch``, or of a pull request into it; the part of it that workflows use.

    Args:
        pull: the name of the pull request's own branch; empty for a push.
        fork: whether that branch lies in somebody else's copy.
        number: that of the pull request.
    """
    owner, name = OWNER_AND_NAME.split("/")
    user = {"login": look.author.lower(), "type": "User"}
    home = {
        "name": name,
        "full_name": OWNER_AND_NAME,
        "default_branch": "main",
        "fork": False,
        "owner": {"login": owner},
        "private": False,
    }
    sender = {"repository": home, "sender": user}
    if not pull:
        brought = [
            {"id": sha, "message": look.message, "author": {"name": look.author}}
            for sha in (made.earlier, made.sha)
            if sha
        ]
        return {"ref": f"refs/heads/{branch}", "before": made.before, "after": made.sha, "created": False, "deleted": False,
                "forced": False, "head_commit": brought[-1], "commits": brought, "pusher": {"name": look.author}, **sender}  # fmt: skip
    other = {**home, "full_name": f"{look.author.lower()}/{name}", "fork": True, "owner": user} if fork else home
    return {
        "action": "synchronize", "number": number,
        "pull_request": {
            "number": number, "title": title or look.message, "body": "", "draft": False, "state": "open", "user": user,
            "commits": 2 if made.earlier else 1, "labels": [], "author_association": "FIRST_TIME_CONTRIBUTOR" if fork else "MEMBER",
            "head": {"ref": pull, "sha": made.head, "repo": other, "label": f"{look.author.lower()}:{pull}"},
            "base": {"ref": branch, "sha": made.before, "repo": home},
            "merge_commit_sha": made.sha,
        },
        **sender,
    }  # fmt: skip


def read(finished: Finished, workflow: Workflow, token: str, tree: Tree, made: Made) -> Outcome:
    """Make sense of what `act` printed. What a step prints comes wrapped in a line of act's own and cannot pass for one."""
    jobs: dict[str, str] = {}
    harmful, told, summary, failed = False, [], [], []
    printed: dict[tuple[str, str], list[str]] = {}
    for line in finished.stdout.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not isinstance(entry, dict):
            continue
        message, job = str(entry.get("msg", "")), str(entry.get("job", "")).strip()
        step = (job, json.dumps(entry.get("stepID")))
        if entry.get("raw_output"):
            printed.setdefault(step, []).append(message)
            told.append(message)
            continue
        if entry.get("command"):
            told.append(str(entry.get("arg", "")) + str(entry.get("content", "")) + message)
        if entry.get("command") == "summary":
            summary.append(str(entry.get("content", "")))
        if entry.get("command") == "error" or (entry.get("level") == "error" and not entry.get("jobResult")):
            printed.setdefault(step, []).append(message + "\n")
        if entry.get("stepResult") == "failure" and len(entry.get("stepID") or []) == 1:
            failed.append((step, job.split("/", 1)[-1], str(entry.get("step", ""))))
        if result := entry.get("jobResult"):
            jobs[job.split("/", 1)[-1]] = str(result)
            matrix = entry.get("matrix")
            if result == "failure" and not workflow.tolerated(
                str(entry.get("jobID")), matrix if isinstance(matrix, dict) else {}
            ):
                harmful = True
    artifacts: dict[str, dict[str, bytes]] = {}
    evidence: dict[str, bytes] = {}
    for path, content in finished.files.items():
        kind, _, rest = path.partition("/")
        if kind == "artifacts" and "/" in rest:
            name, _, inner = rest.partition("/")
            artifacts.setdefault(name, {})[inner] = content
        elif kind == "evidence":
            evidence[rest] = content
    green = finished.ok if not jobs or not finished.exit_status else not harmful and "failure" in jobs.values()
    return Outcome(
        green=green and bool(jobs), jobs=jobs,
        failed=tuple(Step(job, name.splitlines()[0][:80] if name else "", _tail(_everything(printed, key))) for key, job, name in failed),
        output="".join(told), summary="".join(summary), artifacts=artifacts, evidence=evidence, finished=finished, token=token,
        tree=tree, made=made,
    )  # fmt: skip


def _everything(printed: Mapping[tuple[str, str], list[str]], step: tuple[str, str]) -> str:
    """What a step printed, with the steps inside it where it is an action of several."""
    job, inside = step[0], step[1].rstrip("]")
    return "".join(
        text
        for (other, key), lines in printed.items()
        if other == job and (key == step[1] or key.startswith(inside + ","))
        for text in lines
    )


def _tail(text: str, lines: int = 12) -> str:
    kept = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines() if line.strip()]
    return "\n".join(kept[-lines:])[-900:]


def must_be_green(outcome: Outcome, what: str) -> None:
    """Fail the check where the run of a good commit is red."""
    if not outcome.jobs and outcome.finished.ok:
        fail(f"no job ran on {what}", expected="at least one job that gives a verdict")
    if not outcome.green:
        fail(
            f"the run on {what} is red",
            observed=outcome.why(),
            expected="a green run: nothing is wrong with this commit",
        )
