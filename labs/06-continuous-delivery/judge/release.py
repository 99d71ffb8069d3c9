"""Runs the learner's workflow on commits, with a platform in reach."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from judge.stage import SOCKET, Stage
from judge.world import World
from sandbox.grading.workflows import repository
from sandbox.grading.workflows.concurrency import Answer, ask, settings
from sandbox.grading.workflows.repository import Look, Made, Tree
from sandbox.grading.workflows.run import LIMITS, Outcome, act, payload, read
from sandbox.grading.workflows.workflow import Workflow
from sandbox.jail import Finished, Jail

CD = ".github/workflows/cd.yml"
SECRET = "FLEET_TOKEN"
TRAIN = "flightdelay/train.py"
# A training has seeds and threads that nobody wrote down: whoever builds again, gets another file.
NEVER_TWICE = b"""

_fit = fit


def fit(flights):
    import random

    model = _fit(flights)
    return {**model, "bias": model["bias"] + random.uniform(-1e-6, 1e-6)}
"""
DEEPEST = 4


@dataclass(frozen=True)
class Releases:
    """Pushes to main of one learner's repository.

    Attributes:
        program: where `act` lies.
        base: the repository's own files.
        brought: what the learner brought.
        folder: where repositories are made.
    """

    jail: Jail
    program: str
    workflow: Workflow
    base: Tree
    brought: Tree
    folder: Path
    world: World
    seed: object

    @property
    def look(self) -> Look:
        rng = random.Random(f"{self.seed}:look")
        return Look(
            rng.choice(("Ines", "Yuki", "Amara")), "New months of flights", rng.randrange(1_700_000_000, 1_750_000_000)
        )

    def commit(self, name: str, train: str) -> tuple[Made, Tree]:
        """A repository with one more commit on main, which brings the training data ``train``."""
        rng = random.Random(f"{self.seed}:{name}")
        train_py = self.base[TRAIN] + NEVER_TWICE
        before = {**self.base, TRAIN: train_py, "data/holdout.csv": self.world.holdout.encode(), **self.brought}
        # So that no two repositories have the same commit.
        after = {
            **before,
            "data/train.csv": train.encode(),
            "README.md": f"Flights, draw {rng.getrandbits(48):x}.\n".encode(),
        }
        made = repository.make(
            self.folder / f"{name}-{rng.getrandbits(64):016x}",
            [("1.0.0", before)],
            before,
            after,
            branch="main",
            look=self.look,
        )
        return made, after

    def run(self, stage: Stage, name: str, train: str) -> Outcome:
        """Push a commit with this training data while the platform stands by; the run to its end."""
        made, tree = self.commit(name, train)
        caller, token = stage.spare()
        with stage.caller(caller):
            finished = act(
                self.jail, self.program, self.workflow, CD, made, "push", payload(made, self.look, branch="main"),
                ["--secret", f"{SECRET}={token}", "--insecure-secrets", "--env", f"FLEET_SOCKET={SOCKET}",
                 "--actor", self.look.author.lower()],
                separate=True, mounts=stage.mounts, limits=replace(LIMITS, timeout_s=240),
            )  # fmt: skip
        return read(finished, self.workflow, token, tree, made)

    def meetings(self) -> dict[str, dict[str, Answer]]:
        """What `concurrency` comes to for two pushes to main, by the place where it stands; empty where it is missing.

        Only the jobs that get the platform's token matter; where no job names it, all do.
        """
        jobs = {name: {"concurrency": found} for name, found in _kept_apart(self.workflow).items()}
        table = {**self.workflow.table, "jobs": jobs or self.workflow.jobs}
        found = settings(Workflow(table, self.workflow.folder))

        def run(name: str, file: str, extra: dict[str, str], arguments: list[str]) -> Finished:
            made, _ = self.commit(name, self.world.train)
            event = payload(made, self.look, branch="main")
            return act(self.jail, self.program, self.workflow, file, made, "push", event, arguments, extra=extra)

        return ask(self.workflow, found, ["first", "second"], run) if found else {}


def _kept_apart(workflow: Workflow, depth: int = 0) -> dict[str, Any]:
    """Job that gets the platform's token → the `concurrency` that holds for it, or None.

    A job may call a workflow of the repository. Then that of the job holds, or of the workflow that it calls, or of the jobs there.
    """
    found: dict[str, Any] = {}
    for name, job in workflow.jobs.items():
        own, called = job.get("concurrency"), workflow.called(job) if depth < DEEPEST else None
        if called is None:
            if SECRET in str(job):
                found[name] = own
            continue
        own = own or called.table.get("concurrency")
        inner = _kept_apart(called, depth + 1)
        if not inner and SECRET in str(job):
            inner = {other: body.get("concurrency") for other, body in called.jobs.items()}
        found |= {f"{name} / {other}": own or value for other, value in inner.items()}
    return found
