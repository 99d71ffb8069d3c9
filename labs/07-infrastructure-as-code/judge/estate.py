"""What happens to the learner's two environments, in order: made, looked at again, changed behind their back, destroyed.

Terraform spends most of its time waiting (the provider waits 26 s for a new queue and 55 s for a lifecycle rule, as it does
on AWS), so dev and prod run at the same time and every run answers several checks. Each stage runs once, when it is first
asked for; `Estate.prefetch` starts those that are wanted, in the background.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from judge.cloud import Cloud, Described, Platform
from judge.drift import CHANGES, deploy
from judge.machine import Machines, Step, Visit, terraform
from judge.seed import OLD_MODELS, PROD_BUCKET

Result = TypeVar("Result")
FOLDER = "infra/environments/{}"
PLAN = ("plan", "-no-color", "-input=false", "-lock-timeout=30s", "-out=judge.tfplan")
APPLY_TIME = 170


@dataclass(frozen=True)
class Applied:
    """An environment after its first apply."""

    visit: Visit
    platform: Platform
    plan: Described
    state_key: str | None
    state: Described
    inventory: frozenset[str]
    """What the cloud holds, of all environments."""
    versions: frozenset[str] = frozenset()
    """Keys of the models in the bucket."""

    def first_problem(self) -> Step | None:
        """The step in which making the environment failed, or None."""
        steps = (self.visit[name] for name in ("init", "plan", "show", "apply"))
        return next((step for step in steps if not step.ok), None)


@dataclass(frozen=True)
class Again:
    """A second plan, on another machine."""

    init: Step
    plan: Step
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Drifted:
    """What a plan saw and an apply healed after changes behind Terraform's back."""

    before: Platform
    broken: Platform
    after: Platform
    plan: Step
    apply: Step
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Destroyed:
    """What is left after a destroy."""

    step: Step
    inventory: frozenset[str]
    models: frozenset[str] = frozenset()


class Once(Generic[Result]):
    """A stage: runs at its first use, in the thread that asks first; the others wait for what came of it."""

    def __init__(self, function: Callable[[], Result]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._result: Result | None = None
        self._error: Exception | None = None
        self._done = False

    def __call__(self) -> Result:
        with self._lock:
            if not self._done:
                try:
                    self._result = self._function()
                except Exception as error:
                    self._error = error
                self._done = True
        if self._error:
            raise self._error
        return self._result  # type: ignore[return-value]


def changes(plan: Described | None) -> tuple[str, ...]:
    """What a plan (``terraform show -json``) would do, as ``address: action``."""
    return tuple(
        f"{change['address']}: {' and '.join(change['change']['actions'])}"
        for change in (plan or {}).get("resource_changes", [])
        if change["change"]["actions"] not in (["no-op"], ["read"])
    )


@dataclass
class Estate:
    """Both environments in one cloud.

    Attributes:
        folder: the submission.
        wanted: names of the stages that the checks of this run will ask for.
    """

    machines: Machines
    cloud: Cloud
    folder: Path
    wanted: frozenset[str] = frozenset()
    stages: dict[str, Once[Any]] = field(default_factory=dict)

    ORDER: ClassVar[dict[str, tuple[str, ...]]] = {
        "dev": ("dev_checked", "dev_applied", "dev_again", "dev_drifted", "dev_destroyed"),
        "prod": ("prod_checked", "prod_applied", "prod_again", "prod_destroyed"),
    }

    def __post_init__(self) -> None:
        for names in self.ORDER.values():
            for name in names:
                self.stages[name] = Once(getattr(self, f"_{name}"))

    def __call__(self, stage: str) -> Any:
        """The result of a stage, once it is there."""
        return self.stages[stage]()

    def prefetch(self) -> list[threading.Thread]:
        """Start what is wanted, dev and prod side by side."""
        threads = [threading.Thread(target=self._run_all, args=(names,), daemon=True) for names in self.ORDER.values()]
        for thread in threads:
            thread.start()
        return threads

    def _run_all(self, names: Iterable[str]) -> None:
        for name in names:
            if name in self.wanted:
                # What went wrong is kept, for the check that asks.
                with suppress(Exception):
                    self.stages[name]()

    def _earlier(self, environment: str, stage: str) -> None:
        """Let the wanted stages before this one go first: a destroyed environment answers no question."""
        names = self.ORDER[environment]
        self._run_all(names[: names.index(stage)])

    def _visit(self, environment: str, *steps: dict[str, Any]) -> Visit:
        return self.machines.visit(
            self.folder,
            [terraform("init", "init", "-no-color", "-input=false"), *steps],
            cwd=FOLDER.format(environment),
        )

    # --- stages -----------------------------------------------------------------------------------------------------

    def _dev_checked(self) -> Visit:
        return self._checked("dev")

    def _prod_checked(self) -> Visit:
        return self._checked("prod")

    def _checked(self, environment: str) -> Visit:
        return self._visit(environment, terraform("validate", "validate", "-json", "-no-color", parsed=True))

    def _dev_applied(self) -> Applied:
        visit = self._visit(
            "dev",
            terraform("plan", *PLAN),
            terraform("show", "show", "-json", "judge.tfplan", parsed=True),
            terraform("apply", "apply", "-no-color", "-input=false", "judge.tfplan", timeout=APPLY_TIME),
        )
        return self._applied("dev", visit)

    def _prod_applied(self) -> Applied:
        """Prod is made while two people are at it: the first waits with the lock in hand, and then their machine dies."""
        apply = ("apply", "-no-color", "-auto-approve", "-input=false")
        visit = self._visit(
            "prod",
            terraform("plan", *PLAN),
            terraform("show", "show", "-json", "judge.tfplan", parsed=True),
            terraform("first", "apply", "-no-color", "-input=true", kind="hold", until="Enter a value:", go_on=True),
            terraform("second", *apply, "-lock-timeout=0s", timeout=APPLY_TIME, go_on=True),
            {"name": "killed", "kind": "kill"},
            terraform("unlock", "force-unlock", "-force", "{lock}", go_on=True),
            terraform("apply", *apply, "-lock-timeout=0s", timeout=APPLY_TIME, go_on=True),
        )
        return self._applied("prod", visit)

    def _applied(self, environment: str, visit: Visit) -> Applied:
        states = self.cloud.states()
        other = "prod" if environment == "dev" else "dev"
        key = next((key for key in sorted(states) if environment in key and other not in key), None)
        platform = self.cloud.platform(environment)
        return Applied(
            visit, platform, visit["show"].json() or {}, key, states.get(key or "", {}), frozenset(self.cloud.inventory()),
            frozenset(platform.bucket["objects"] if platform.bucket else ()),
        )  # fmt: skip

    def _dev_again(self) -> Again:
        self._earlier("dev", "dev_again")
        self.stages["dev_applied"]()
        return self._again("dev")

    def _prod_again(self) -> Again:
        self.stages["prod_applied"]()
        return self._again("prod")

    def _again(self, environment: str) -> Again:
        visit = self._visit(
            environment,
            terraform("plan", *PLAN, "-detailed-exitcode", ok=[2]),
            terraform("show", "show", "-json", "judge.tfplan", parsed=True),
        )
        return Again(visit["init"], visit["plan"], changes(visit["show"].json()))

    def _dev_drifted(self) -> Drifted:
        self._earlier("dev", "dev_drifted")
        before: Platform = self.stages["dev_applied"]().platform
        deploy(self.cloud, before)
        for change in CHANGES.values():
            change(self.cloud, before)
        broken = self.cloud.platform("dev")
        visit = self._visit(
            "dev",
            terraform("plan", *PLAN),
            terraform("show", "show", "-json", "judge.tfplan", parsed=True),
            terraform("apply", "apply", "-no-color", "-input=false", "judge.tfplan", timeout=APPLY_TIME),
        )
        after = self.cloud.platform("dev")
        return Drifted(before, broken, after, visit["plan"], visit["apply"], changes(visit["show"].json()))

    def _dev_destroyed(self) -> Destroyed:
        self._earlier("dev", "dev_destroyed")
        self.stages["dev_applied"]()
        # Prod is there too, so that it can be seen to stay.
        self.stages["prod_applied"]()
        platform = self.cloud.platform("dev")
        if platform.bucket:
            for content in (b"one", b"two"):
                self.cloud.client("s3").put_object(
                    Bucket=platform.bucket["name"], Key="models/2025-03-01/model.skops", Body=content
                )
        return self._destroyed("dev")

    def _prod_destroyed(self) -> Destroyed:
        self._earlier("prod", "prod_destroyed")
        self.stages["prod_applied"]()
        if "dev_destroyed" in self.wanted:
            with suppress(Exception):
                self.stages["dev_destroyed"]()
        return self._destroyed("prod")

    def _destroyed(self, environment: str) -> Destroyed:
        visit = self._visit(
            environment,
            terraform(
                "destroy", "destroy", "-no-color", "-auto-approve", "-input=false", timeout=APPLY_TIME, go_on=True
            ),
        )
        platform = self.cloud.platform(environment)
        models = frozenset(platform.bucket["objects"]) if platform.bucket else frozenset()
        return Destroyed(visit["destroy"], frozenset(self.cloud.inventory()), models)


def old_models() -> frozenset[str]:
    """Keys of the models that prod held before the learner came."""
    return frozenset(OLD_MODELS)


def deletes_bucket(plan: Described) -> str:
    """The address at which a plan would delete or replace prod's bucket, or an empty string."""
    for change in plan.get("resource_changes", []):
        before = change["change"].get("before") or {}
        if (
            change["type"] == "aws_s3_bucket"
            and before.get("bucket") == PROD_BUCKET
            and "delete" in change["change"]["actions"]
        ):
            return str(change["address"])
    return ""
