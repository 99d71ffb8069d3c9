"""What happens to the learner's two environments, in order: made, looked at again, changed behind their back, destroyed.

Terraform spends most of its time waiting (the provider waits 26 s for a new queue and 55 s for a lifecycle rule, as it does
on AWS), so dev and prod run at the same time and every run answers several checks. Each stage runs once, when it is first
asked for; `Estate.prefetch` starts those that are wanted, in the background.
"""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from judge.bucket import MODEL
from judge.cloud import Cloud, Described, Platform
from judge.drift import CHANGES, deploy
from judge.inventory import inventory, kinds
from judge.machine import Machines, Step, Visit, stream, terraform
from judge.seed import OLD_MODELS

Result = TypeVar("Result")
FOLDER = "infra/environments/{}"
PLAN_FILE = "judge.tfplan"
STATE_FILE = "terraform.tfstate"
PLAN = ("plan", "-json", "-input=false", "-lock-timeout=30s")
PROVIDER_BLOCK = re.compile(r'\bprovider\s+"|"provider"\s*:')
TRIAL = "infra/trial"
TRIAL_CODE = """terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region = "eu-west-1"
}
MODULES
"""
TRIAL_MODULE = """module "NAME" {
  source = "../modules/model-platform"
INPUTS
}
"""
PLAN_BYTES = 32 << 20
APPLY_TIME = 420
PROTECTED = {"environment": "dev", "owner": "someone@example.com"}
"""Inputs of the module where it is used beside the asked ones, to see its models protected."""


@dataclass(frozen=True)
class Change:
    """What a plan would do to one resource: ``create``, ``update``, ``replace``, ``delete``, ``forget``, …."""

    address: str
    kind: str
    action: str

    def __str__(self) -> str:
        return f"{self.address}: {self.action}"


@dataclass(frozen=True)
class Planned:
    """An environment's first plan; ``file`` is the saved plan, or None where there is none."""

    visit: Visit
    changes: tuple[Change, ...]
    file: bytes | None


@dataclass(frozen=True)
class Applied:
    """An environment after its first apply."""

    visit: Visit
    platform: Platform
    planned: Planned
    state_key: str | None
    state: Described
    inventory: frozenset[str]
    """What the cloud holds, of all environments."""
    versions: frozenset[str] = frozenset()
    """Keys of the models in the bucket."""
    locked: bool = False
    """Whether its state was ever locked."""

    def first_problem(self) -> Step | None:
        """The step in which making the environment failed, or None."""
        steps = (self.visit[name] for name in ("init", "plan", "apply"))
        return next((step for step in steps if not step.ok), None)


@dataclass(frozen=True)
class Again:
    """A second plan, on another machine."""

    init: Step
    plan: Step
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Drifted:
    """What an apply saw in its plan (``changes``) and healed after changes behind Terraform's back."""

    before: Platform
    broken: Platform
    after: Platform
    apply: Step
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Destroyed:
    """What is left after a destroy."""

    step: Step
    inventory: frozenset[str]
    models: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tried:
    """The module alone, used by us twice in a cloud of its own: with unprotected models, and with protected ones."""

    asked: Mapping[str, Any]
    """Inputs of the first use, whose models are not protected."""
    visit: Visit
    platform: Platform
    """What the first use made."""
    other: str
    """The environment of the second use, whose models are protected."""
    destroy: Step | None = None
    """A destroy with a model in both buckets, or None where it did not come to that."""
    taken: bool = False
    """Whether the model that was not protected went with it."""
    kept: bool = False
    """Whether the protected one was still there after it."""


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


def _told(step: Step) -> tuple[Step, tuple[Change, ...]]:
    """A ``plan -json`` or ``apply -json`` with its errors in plain text, and the changes that it planned."""
    planned, errors = [], []
    for said in stream(step):
        change = said.get("change") or {}
        resource = change.get("resource") or {}
        if said.get("type") == "planned_change" and change.get("action") not in ("noop", "read"):
            planned.append(
                Change(str(resource.get("addr")), str(resource.get("resource_type")), str(change.get("action")))
            )
        diagnostic = said.get("diagnostic") or {}
        if diagnostic.get("severity") == "error":
            errors.append(f"Error: {diagnostic.get('summary', '')}: {diagnostic.get('detail', '')}")
    plain = replace(step, err="\n".join(errors) or step.err, out="" if errors else step.out)
    return plain, tuple(planned)


@dataclass
class Estate:
    """Both environments in one cloud.

    Attributes:
        folder: the submission.
        spare: machines beside another cloud, for the module alone.
        asked: the inputs that the module is given there, but for `protect_models`.
        wanted: names of the stages that the checks of this run will ask for.
    """

    machines: Machines
    cloud: Cloud
    folder: Path
    spare: tuple[Machines, Cloud] | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    wanted: frozenset[str] = frozenset()
    stages: dict[str, Once[Any]] = field(default_factory=dict)

    ORDER: ClassVar[dict[str, tuple[str, ...]]] = {
        "dev": ("dev_planned", "dev_checked", "dev_applied", "dev_again", "dev_drifted", "dev_destroyed"),
        "prod": ("prod_planned", "prod_checked", "prod_applied", "prod_again", "prod_destroyed"),
        "staging": ("module_applied",),
    }

    def __post_init__(self) -> None:
        for names in self.ORDER.values():
            for name in names:
                self.stages[name] = Once(getattr(self, f"_{name}"))

    def __call__(self, stage: str) -> Any:
        """The result of a stage, once it is there."""
        return self.stages[stage]()

    def prefetch(self) -> list[threading.Thread]:
        """Start what is wanted, side by side."""
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

    def _visit(
        self,
        environment: str,
        *steps: dict[str, Any],
        plan: bytes | None = None,
        collect: str = "",
        install: bool = False,
    ) -> Visit:
        """A visit that begins with ``init``; a saved plan is brought along, or brought back.

        Args:
            install: let ``init`` look for the provider, too: where it is the first, and where a saved plan names what it found.
        """
        folder = FOLDER.format(environment)
        brought = {f"{folder}/{PLAN_FILE}": plan} if plan is not None else {}
        init = terraform("init", "init", "-no-color", "-input=false")
        shared = [self.machines.provider()] if self._one_provider(environment) else []
        return self.machines.visit(
            [self.folder, brought],
            [init, *shared, *steps] if install else [*shared, init, *steps],
            cwd=folder,
            collect=[f"{folder}/{collect}"] if collect else (),
        )

    def _one_provider(self, environment: str) -> bool:
        """Whether at most one provider is configured for an environment, as far as the text tells (it may say no too often)."""
        return self._providers(self.folder / FOLDER.format(environment), self.folder / "infra/modules") <= 1

    @staticmethod
    def _providers(*folders: Path) -> int:
        """How many providers are configured in the files of some folders, or any number above one."""
        files = (path for folder in folders for path in folder.rglob("*") if path.name.endswith((".tf", ".tf.json")))
        text = "\n".join(path.read_text("utf-8", "replace") for path in files if path.is_file())
        return len(PROVIDER_BLOCK.findall(text)) + 2 * text.count("alias")

    # --- stages -----------------------------------------------------------------------------------------------------

    def _dev_planned(self) -> Planned:
        return self._planned("dev")

    def _prod_planned(self) -> Planned:
        return self._planned("prod")

    def _planned(self, environment: str) -> Planned:
        """The plan is applied on another machine, as a pipeline does it: so it is known early whether the code is valid."""
        visit = self._visit(
            environment, terraform("plan", *PLAN, f"-out={PLAN_FILE}", parsed=True), collect=PLAN_FILE, install=True
        )
        plan, changes = _told(visit["plan"])
        told = Visit({**visit.steps, "plan": plan}, visit.finished)
        return Planned(told, changes, visit.finished.files.get(f"{FOLDER.format(environment)}/{PLAN_FILE}"))

    def _dev_checked(self) -> Visit:
        return self._checked("dev")

    def _prod_checked(self) -> Visit:
        return self._checked("prod")

    def _checked(self, environment: str) -> Visit:
        if f"{environment}_applied" in self.wanted:
            planned: Planned = self.stages[f"{environment}_planned"]()
            if planned.visit["plan"].ok:
                # `plan` begins with what `validate` does, so there is nothing more to ask.
                valid = Step("validate", 0)
                return Visit({"init": planned.visit["init"], "validate": valid}, planned.visit.finished)
        return self._visit(
            environment, terraform("validate", "validate", "-json", "-no-color", parsed=True), install=True
        )

    def _dev_applied(self) -> Applied:
        planned: Planned = self.stages["dev_planned"]()
        if not planned.visit["plan"].ok:
            return self._applied("dev", planned, planned.visit)
        visit = self._visit(
            "dev",
            terraform("apply", "apply", "-no-color", "-input=false", PLAN_FILE, timeout=APPLY_TIME),
            plan=planned.file,
            install=True,
        )
        return self._applied("dev", planned, visit)

    def _prod_applied(self) -> Applied:
        """Prod is made while two people are at it: the first waits with the lock in hand, and then their machine dies."""
        planned: Planned = self.stages["prod_planned"]()
        if not planned.visit["plan"].ok:
            return self._applied("prod", planned, planned.visit)
        apply = ("apply", "-no-color", "-auto-approve", "-input=false")
        visit = self._visit(
            "prod",
            terraform("first", "apply", "-no-color", "-input=true", kind="hold", until="Enter a value:", go_on=True),
            terraform("second", *apply, "-lock-timeout=0s", timeout=APPLY_TIME, go_on=True),
            {"name": "killed", "kind": "kill"},
            terraform("unlock", "force-unlock", "-force", "{lock}", go_on=True),
            terraform("apply", *apply, "-lock-timeout=0s", timeout=APPLY_TIME, go_on=True),
        )
        return self._applied("prod", planned, visit)

    def _applied(self, environment: str, planned: Planned, last: Visit) -> Applied:
        visit = Visit({**planned.visit.steps, **last.steps}, last.finished)
        states = self.cloud.states()
        other = "prod" if environment == "dev" else "dev"
        key = next((key for key in sorted(states) if environment in key and other not in key), None)
        platform = self.cloud.platform(environment)
        return Applied(
            visit, platform, planned, key, states.get(key or "", {}),
            frozenset(inventory(self.cloud, kinds(*states.values()))),
            frozenset(platform.bucket["objects"] if platform.bucket else ()), self.cloud.was_locked(environment),
        )  # fmt: skip

    def _module_applied(self) -> Tried:
        """The module without the learner's environments: only so can be seen what its inputs do.

        It is used twice: dev's models are protected here, staging's are not. So whoever protects by the name of the environment
        is wrong about one of them.
        """
        assert self.spare
        machines, cloud = self.spare
        uses = {"platform": {**self.asked, "protect_models": False}, "protected": {**PROTECTED, "protect_models": True}}
        names = {use: str(inputs["environment"]) for use, inputs in uses.items()}
        code = TRIAL_CODE.replace("MODULES", "".join(_module_call(use, inputs) for use, inputs in uses.items()))
        shared = [machines.provider()] if not self._providers(self.folder / "infra/modules") else []
        first = [*shared, terraform("init", "init", "-no-color", "-input=false")]
        change = ("-no-color", "-auto-approve", "-input=false", "-parallelism=20")
        visit = machines.visit(
            [self.folder, {f"{TRIAL}/main.tf": code}],
            [*first, terraform("apply", "apply", *change, timeout=APPLY_TIME)],
            cwd=TRIAL,
            collect=[f"{TRIAL}/{STATE_FILE}"],
        )
        made = {use: cloud.platform(name) for use, name in names.items()}
        tried = Tried(uses["platform"], visit, made["platform"], names["protected"])
        buckets = {use: platform.bucket["name"] for use, platform in made.items() if platform.bucket}
        state = visit.finished.files.get(f"{TRIAL}/{STATE_FILE}")
        if not visit["apply"].ok or state is None or len(buckets) < len(uses):
            return tried
        for name in buckets.values():
            cloud.client("s3").put_object(Bucket=name, Key=MODEL, Body=b"a model")
        last = machines.visit(
            [self.folder, {f"{TRIAL}/main.tf": code, f"{TRIAL}/{STATE_FILE}": state}],
            [
                *first,
                # Without regard to what is refused there: a plan of both is refused as a whole where a protected bucket says so itself.
                terraform("destroy", "destroy", *change, "-refresh=false", "-target=module.platform", timeout=APPLY_TIME, go_on=True),
                terraform("rest", "destroy", *change, "-refresh=false", timeout=APPLY_TIME, go_on=True),
            ],
            cwd=TRIAL,
        )  # fmt: skip
        left = {use: cloud.platform(name).bucket for use, name in names.items()}
        kept = bool(left["protected"]) and MODEL in left["protected"]["objects"]
        return replace(tried, destroy=last["destroy"], taken=not left["platform"], kept=kept)

    def _dev_again(self) -> Again:
        self._earlier("dev", "dev_again")
        self.stages["dev_applied"]()
        return self._again("dev")

    def _prod_again(self) -> Again:
        self.stages["prod_applied"]()
        return self._again("prod")

    def _again(self, environment: str) -> Again:
        visit = self._visit(environment, terraform("plan", *PLAN, "-detailed-exitcode", parsed=True))
        return Again(visit["init"], *_told(visit["plan"]))

    def _dev_drifted(self) -> Drifted:
        self._earlier("dev", "dev_drifted")
        before: Platform = self.stages["dev_applied"]().platform
        deploy(self.cloud, before)
        for change in CHANGES.values():
            change(self.cloud, before)
        broken = self.cloud.platform("dev")
        visit = self._visit(
            "dev",
            terraform("apply", "apply", "-json", "-auto-approve", "-input=false", "-lock-timeout=30s", parsed=True,
                      timeout=APPLY_TIME),
        )  # fmt: skip
        after = self.cloud.platform("dev")
        apply = visit["apply"] if visit["init"].ok else visit["init"]
        return Drifted(before, broken, after, *_told(apply))

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
        applied: Applied = self.stages[f"{environment}_applied"]()
        left = inventory(self.cloud, kinds(applied.state, *self.cloud.states().values()))
        return Destroyed(visit["destroy"], frozenset(left), models)


def _module_call(name: str, inputs: Mapping[str, Any]) -> str:
    values = "\n".join(f"  {key} = {json.dumps(value)}" for key, value in inputs.items())
    return TRIAL_MODULE.replace("NAME", name).replace("INPUTS", values)


def old_models() -> frozenset[str]:
    """Keys of the models that prod held before the learner came."""
    return frozenset(OLD_MODELS)


def deletes_bucket(planned: Planned) -> str:
    """The address at which prod's first plan would delete or replace the old bucket, its only one, or an empty string."""
    bad = (change for change in planned.changes if change.action in ("delete", "replace"))
    return next((change.address for change in bad if change.kind == "aws_s3_bucket"), "")


def plan_text(planned: Planned) -> str:
    """All that a saved plan holds, as text: it is an archive of code, states and changes."""
    parts, left = [], PLAN_BYTES
    with (
        suppress(zipfile.BadZipFile, OSError, ValueError, NotImplementedError),
        zipfile.ZipFile(io.BytesIO(planned.file or b"")) as archive,
    ):
        for name in archive.namelist():
            with archive.open(name) as member:
                content = member.read(left)
            left -= len(content)
            parts.append(content.decode("utf-8", "replace"))
    return "\n".join(parts)
