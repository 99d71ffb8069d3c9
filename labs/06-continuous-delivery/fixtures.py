"""What the checks of lab 06 stand on: platforms with traffic, and what became of deploys on them."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from judge.release import CD, Releases
from judge.stage import Stages, finished, said
from judge.world import Package, World, features

from sandbox import tools
from sandbox.grading.workflows import repository
from sandbox.grading.workflows.run import Outcome, must_be_green
from sandbox.grading.workflows.workflow import Workflow, parse
from sandbox.jail import Finished, Limits

OUT = "out/candidate"


@dataclass(frozen=True)
class Built:
    """A candidate that the learner's pipeline made: how that ended, and its files."""

    ended: Finished
    files: dict[str, bytes]

    @property
    def said(self) -> str:
        return said(self.ended)


@dataclass
class Deploy:
    """One deploy on a platform of its own, and what was seen of it.

    Attributes:
        live: version → answers, after the end.
        log: the lines that were added to deployments.jsonl.
        phases: what users got between changes of the router: version → answers, and failed requests.
    """

    candidate: Package
    first: Package
    ended: Finished
    state: dict[str, Any] = field(repr=False)
    live: dict[str, int]

    @property
    def said(self) -> str:
        return said(self.ended)

    @property
    def failed(self) -> int:
        return sum(phase["failed"] for phase in self.state["phases"])

    @property
    def log(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.state["log"]
        return lines

    def started(self) -> list[dict[str, Any]]:
        """The packages that were put into slots."""
        return [call["package"] for call in self.state["calls"] if "package" in call]

    def steps(self) -> list[tuple[str, int]]:
        """The stretches in which the candidate got traffic: "few", "half" or "all", and its answers in each.

        What users got while a change took effect is no stretch: it belongs to what was before as much as to what comes.
        One with less than 20 answers in all is too short to tell.
        """
        found: list[tuple[str, int]] = []
        for phase in self.state["phases"]:
            if not phase["between"]:
                continue
            total, ours = sum(phase["answered"].values()), phase["answered"].get(self.candidate.version, 0)
            if total < 20 or ours / total < 0.02:
                continue
            share = ours / total
            kind = "few" if share <= 0.25 else "half" if share < 0.8 else "all"
            if found and found[-1][0] == kind:
                found[-1] = (kind, found[-1][1] + ours)
            else:
                found.append((kind, ours))
        return found


class Deploys:
    """Deploys of one candidate each; one of a kind is made once, however many checks ask for it."""

    def __init__(self, stages: Stages, world: World, seed: int) -> None:
        self._stages, self._world, self._seed = stages, world, seed
        self._kept: dict[str, tuple[threading.Lock, list[Deploy]]] = {}
        self._lock = threading.Lock()

    def __call__(self, kind: str, fault: str = "none") -> Deploy:
        """Deploy a candidate of this kind (see `World.candidate`) whose process has this fault (see `slot.py`)."""
        name = f"{kind}:{fault}"
        with self._lock:
            lock, kept = self._kept.setdefault(name, (threading.Lock(), []))
        with lock:
            if not kept:
                kept.append(self._make(kind, fault, random.Random(f"{self._seed}:{name}")))
            return kept[0]

    def _make(self, kind: str, fault: str, rng: random.Random) -> Deploy:
        candidate = self._world.candidate(kind, rng)
        with self._stages({candidate.version: fault}) as here:
            ended = here.deploy(candidate)
            live = here.live()
            return Deploy(candidate, here.first, ended, here.state(), live)


@pytest.fixture(scope="session")
def world(run_seed: int) -> World:
    """The flights of this grading, and the version in production."""
    return World(random.Random(f"{run_seed}:world"))


@pytest.fixture(scope="session")
def platform(submission: Any, jail: Any, world: World) -> Iterator[Stages]:
    """``with platform(faults) as stage:`` a platform as new, with a version in production."""
    submission.read("deploy/pipeline.py", max_bytes=200_000)
    stages = Stages(jail, submission.path, world)
    yield stages
    stages.close()


@pytest.fixture(scope="session")
def deploys(platform: Stages, world: World, run_seed: int) -> Deploys:
    """``deploys("better")``, ``deploys("better", "slow")``: what became of it."""
    return Deploys(platform, world, run_seed)


@pytest.fixture(scope="session")
def candidate(world: World, run_seed: int) -> Callable[[str, str], Package]:
    """``candidate("better", "two")``: a candidate of this kind, for a check or a part of this name."""
    return lambda kind, name: world.candidate(kind, random.Random(f"{run_seed}:{name}:{kind}"))


@pytest.fixture(scope="session")
def build(submission: Any, jail: Any, world: World) -> Callable[..., Built]:
    """``build(commit)``: what the learner's pipeline makes of the training data, or of other ones, on this commit."""

    def make(commit: str, train: str | None = None) -> Built:
        ended = jail.run(
            ["python", "deploy/pipeline.py", "build", OUT],
            files=[submission.path, {"data/holdout.csv": world.holdout, "data/train.csv": train or world.train}],
            env={"GITHUB_SHA": commit}, limits=Limits(timeout_s=90), collect=(OUT,),
        )  # fmt: skip
        return Built(ended, {name.removeprefix(f"{OUT}/"): content for name, content in ended.files.items()})

    return make


@pytest.fixture(scope="session")
def quality(world: World) -> Callable[[dict[str, Any]], float | None]:
    """``quality(model)``: its AUC on the held-out flights, or None where it cannot be computed."""

    def measure(model: dict[str, Any]) -> float | None:
        try:
            return world.auc(model)
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError):
            return None

    return measure


@pytest.fixture(scope="session")
def used_features() -> Callable[[dict[str, Any]], set[str]]:
    """The names of the number features that a model uses."""
    return features


@pytest.fixture(scope="session")
def workflow(submission: Any) -> Callable[[], Workflow]:
    """Parse the workflow; fails the check that asks where it cannot be read."""
    return lambda: parse(submission.read(CD, max_bytes=200_000), CD, submission.path)


@pytest.fixture(scope="session")
def releases(
    workflow: Callable[[], Workflow],
    submission: Any,
    lab: Any,
    jail: Any,
    world: World,
    run_seed: int,
    tmp_path_factory: Any,
) -> Releases:
    """Pushes to main of the learner's repository."""
    tools.require("git")
    program = tools.require("act").argv[0]
    base = repository.read_tree(lab.starter)
    own = {name: content for name, content in base.items() if not name.startswith((".github/", "deploy/pipeline"))}
    brought = repository.read_tree(submission.path, list(submission.accepted))
    return Releases(jail, program, workflow(), own, brought, tmp_path_factory.mktemp("releases"), world, run_seed)


@pytest.fixture
def green() -> Callable[[Outcome, str], None]:
    """``green(outcome, "a good commit")``: fails the check, with the reason, where the run is red."""
    return must_be_green


@pytest.fixture
def how() -> Callable[[Finished], str]:
    """How a pipeline ended, for the learner."""
    return said


@pytest.fixture
def end_of() -> Callable[[Any], Finished]:
    """Wait for the end of a running pipeline."""
    return finished
