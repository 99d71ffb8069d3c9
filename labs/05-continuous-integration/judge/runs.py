"""Runs a workflow on a commit: makes the repository and the event, starts `act` in the jail, reads what came of it."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from judge import commits, repository
from judge.commits import Change
from judge.repository import OWNER_AND_NAME, PULL, Look, Made, Tree
from judge.workflow import CI, Workflow
from sandbox.grading import fail
from sandbox.jail import Finished, Jail, Limits

MACHINE = Path(__file__).resolve().parent / "machine"
SECRET = "REGISTRY_TOKEN"
INSIDE = "/opt/machine"
MYPY = "/opt/mypy-cache"
LIMITS = Limits(timeout_s=150, cpu_s=90, memory_mb=2048, processes=400, file_mb=64, disk_mb=256)


@dataclass(frozen=True)
class Scene:
    """One commit, and how it came to GitHub.

    Attributes:
        branch: the branch that is pushed to, or that the pull request wants to go into.
        pull: the name of the pull request's own branch; empty for a push.
        fork: whether that branch lies in somebody else's copy. Such a run gets no secret.
        title: the pull request's title.
        released: the newest tag, and the VERSION on the branch before the change.
        separate: whether each job gets an emptied machine, as on GitHub.
    """

    change: Change
    branch: str = "main"
    pull: str = ""
    title: str = ""
    fork: bool = False
    released: str = "1.9.0"
    separate: bool = False

    @property
    def event(self) -> str:
        return "pull_request" if self.pull else "push"


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


class Runs:
    """Runs of one workflow; each is made once, however many checks ask for it."""

    def __init__(
        self,
        jail: Jail,
        act: str,
        workflow: Workflow,
        base: Tree,
        brought: Tree,
        folder: Path,
        seed: object,
        mypy: Path,
    ) -> None:
        self._jail, self._act, self._workflow = jail, act, workflow
        self._base, self._brought, self._folder, self._seed, self._mypy = base, brought, folder, seed, mypy
        self._kept: dict[str, tuple[threading.Lock, list[Outcome]]] = {}
        self._lock = threading.Lock()
        rng = random.Random(f"{seed}:look")
        self.look = Look(
            author=rng.choice(("Ines", "Tomas", "Yuki", "Amara")), message=rng.choice(("Update", "Small things", "Work", "Changes")),
            time=rng.randrange(1_700_000_000, 1_750_000_000),
        )  # fmt: skip

    def __call__(self, kind: str, **how: Any) -> Outcome:
        """The run on a commit of this kind (a name in `commits.GOOD` or `commits.BAD`); `how`: see `Scene`."""
        scene = Scene({**commits.GOOD, **commits.BAD}[kind], **how)
        name = f"{kind} {sorted(how.items())}"
        with self._lock:
            lock, kept = self._kept.setdefault(name, (threading.Lock(), []))
        with lock:
            if not kept:
                kept.append(self._run(scene, random.Random(f"{self._seed}:{name}")))
            return kept[0]

    def done(self) -> list[Outcome]:
        """All runs so far."""
        return [kept[0] for _, kept in list(self._kept.values()) if kept]

    def prepare(self, scene: Scene, name: str) -> Made:
        """Only the repository of a scene, without a run."""
        return self._make(scene, random.Random(f"{self._seed}:{name}"))[0]

    def _make(self, scene: Scene, rng: random.Random) -> tuple[Made, Tree]:
        before = dict(self._base) | {"VERSION": f"{scene.released}\n".encode()}
        after = dict(before)
        commits.innocent(after, rng)
        scene.change(after, rng)
        tree = after | self._brought
        older = before | {"VERSION": b"1.8.0\n"}
        newer = before | {"README.md": before["README.md"] + b"\nSee also docs/model.md.\n"}
        made = repository.make(
            self._folder / f"{rng.getrandbits(64):016x}",
            [("1.8.0", older | self._brought), (scene.released, before | self._brought)],
            newer | self._brought, tree, branch=scene.branch, look=self.look, pull=scene.pull,
        )  # fmt: skip
        return made, tree

    def _run(self, scene: Scene, rng: random.Random) -> Outcome:
        made, tree = self._make(scene, rng)
        token = "reg_" + commits.characters(rng, "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", 28)
        secrets = [] if scene.fork else ["--secret", f"{SECRET}={token}"]
        finished = self.act(made, scene.event, event(scene, made, self.look), [
            *secrets, "--insecure-secrets", "--env", f"GITHUB_RUN_ID={rng.randrange(10**9, 10**10)}",
            "--actor", self.look.author.lower(),
        ], separate=scene.separate)  # fmt: skip
        return read(finished, self._workflow, token, tree, made)

    def act(
        self, made: Made, name: str, payload: Mapping[str, Any], arguments: list[str], *, separate: bool = False,
        workflow: str = CI, extra: Mapping[str, str] | None = None,
    ) -> Finished:  # fmt: skip
        """Run `act` in the jail on a repository; `extra` files lie beside or over it."""
        uses = "\n".join(sorted(self._workflow.uses())) + "\n"
        return self._jail.run(
            ["python", "-I", f"{INSIDE}/drive.py", self._act, name, workflow, *arguments],
            files=[{"origin": made.folder, "event.json": json.dumps(payload), "uses.txt": uses}, dict(extra or {})],
            env={"STANDIN_FRESH": "1" if separate else "0", "STANDIN_MYPY": MYPY},
            mounts={INSIDE: MACHINE, MYPY: self._mypy},
            limits=LIMITS,
            collect=("artifacts", "evidence"),
        )


def event(scene: Scene, made: Made, look: Look) -> dict[str, Any]:
    """The payload of the event, the part of it that workflows use."""
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
    if not scene.pull:
        commit = {"id": made.sha, "message": look.message, "author": {"name": look.author}}
        return {"ref": f"refs/heads/{scene.branch}", "before": made.before, "after": made.sha, "created": False, "deleted": False,
                "forced": False, "head_commit": commit, "commits": [commit], "pusher": {"name": look.author}, **sender}  # fmt: skip
    other = {**home, "full_name": f"{look.author.lower()}/{name}", "fork": True, "owner": user} if scene.fork else home
    return {
        "action": "synchronize", "number": PULL,
        "pull_request": {
            "number": PULL, "title": scene.title or look.message, "body": "", "draft": False, "state": "open", "user": user,
            "labels": [], "author_association": "FIRST_TIME_CONTRIBUTOR" if scene.fork else "MEMBER",
            "head": {"ref": scene.pull, "sha": made.head, "repo": other, "label": f"{look.author.lower()}:{scene.pull}"},
            "base": {"ref": scene.branch, "sha": made.before, "repo": home},
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
