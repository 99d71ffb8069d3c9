"""Runs of the learner's workflow on commits: makes the repository for each, and keeps what came of it."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge import commits
from judge.commits import Change
from sandbox.grading.workflows import repository
from sandbox.grading.workflows.repository import PULL, Look, Made, Tree
from sandbox.grading.workflows.run import Outcome, act, payload, read
from sandbox.grading.workflows.workflow import Workflow
from sandbox.jail import Finished, Jail

CI = ".github/workflows/ci.yml"
SECRET = "REGISTRY_TOKEN"


@dataclass(frozen=True)
class Scene:
    """One commit, and how it came to GitHub.

    Attributes:
        branch: the branch that is pushed to, or that the pull request wants to go into.
        pull: the name of the pull request's own branch, "*" for any; empty for a push.
        fork: whether that branch lies in somebody else's copy. Such a run gets no secret.
        title: the pull request's title.
        released: the newest tag, and the VERSION on the branch before the change.
        separate: whether each job gets an emptied machine, as on GitHub.
        number: that of the pull request.
        documents: whether nothing but documents is changed beside it.
    """

    change: Change
    branch: str = "main"
    pull: str = ""
    title: str = ""
    fork: bool = False
    released: str = "1.9.0"
    separate: bool = False
    number: int = PULL
    documents: bool = False

    @property
    def event(self) -> str:
        return "pull_request" if self.pull else "push"


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
        # Whoever believes the message of a commit sees documents only.
        self.look = Look(
            author=rng.choice(("Ines", "Tomas", "Yuki", "Amara")),
            message=rng.choice(("docs: update", "docs: small things", "docs: work", "docs: changes")),
            time=rng.randrange(1_700_000_000, 1_750_000_000),
        )

    def __call__(self, kind: str, **how: Any) -> Outcome:
        """The run on a commit of this kind (a name in `commits.GOOD` or `commits.BAD`); `how`: see `Scene`."""
        name = f"{kind} {sorted(how.items())}"
        if how.get("pull") == "*":
            # Drawn, so that a branch's name does not tell good from bad.
            how["pull"] = commits.branch_name(random.Random(f"{self._seed}:{name}:branch"))
        scene = Scene({**commits.GOOD, **commits.BAD}[kind], documents=kind in commits.DOCUMENTS_ONLY, **how)
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
        among = {"among": commits.DOCUMENTS} if scene.documents else {}
        commits.innocent(after, rng, **among)
        scene.change(after, rng)
        earlier = dict(after)
        commits.afterthought(after, rng, **among)
        tree = after | self._brought
        older = before | {"VERSION": b"1.8.0\n"}
        newer = before | {"README.md": before["README.md"] + b"\nSee also docs/model.md.\n"}
        made = repository.make(
            self._folder / f"{rng.getrandbits(64):016x}",
            [("1.8.0", older | self._brought), (scene.released, before | self._brought)],
            newer | self._brought, tree, branch=scene.branch, look=self.look, pull=scene.pull, earlier=earlier | self._brought,
        )  # fmt: skip
        return made, tree

    def _run(self, scene: Scene, rng: random.Random) -> Outcome:
        made, tree = self._make(scene, rng)
        token = "reg_" + commits.characters(rng, "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", 28)
        secrets = [] if scene.fork else ["--secret", f"{SECRET}={token}"]
        finished = self.act(scene, made, [
            *secrets, "--insecure-secrets", "--env", f"GITHUB_RUN_ID={rng.randrange(10**9, 10**10)}",
            "--actor", self.look.author.lower(),
        ])  # fmt: skip
        return read(finished, self._workflow, token, tree, made)

    def act(
        self,
        scene: Scene,
        made: Made,
        arguments: list[str],
        *,
        workflow: str = CI,
        extra: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run `act` in the jail on a repository; `extra` files lie beside or over it."""
        return act(
            self._jail, self._act, self._workflow, workflow, made, scene.event,
            payload(made, self.look, branch=scene.branch, pull=scene.pull, title=scene.title, fork=scene.fork, number=scene.number),
            arguments, separate=scene.separate, extra=extra, mypy=self._mypy,
        )  # fmt: skip
