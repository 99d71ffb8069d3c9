"""The learner's own tests, run against modules of ours: correct ones, and ones with a fault in."""

from __future__ import annotations

import json
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge.machine import Machines, Step, stream, terraform
from sandbox.grading import Fault
from sandbox.jail import Limits

MODULE = "infra/modules/model-platform"
TEST_LIMITS = Limits(timeout_s=420, cpu_s=200, memory_mb=6000, processes=1000, disk_mb=128)
BLOCK = re.compile(r"^(?:resource|locals|output|variable|data|module|terraform)\b.*?^\}\n", re.MULTILINE | re.DOTALL)
WORDS = ("common", "shared", "base", "core", "stem", "main_values", "these", "settled", "given", "basis")


@dataclass(frozen=True)
class SuiteRun:
    """What came of ``terraform test``: how many runs passed, failed or broke, and the first complaint."""

    passed: int
    bad: int
    complaint: str
    step: Step

    @property
    def failed(self) -> bool:
        return self.bad > 0

    @property
    def finished(self) -> bool:
        return self.step.status is not None


def run_suite(machines: Machines, submission: Path, module: Path) -> SuiteRun:
    """Run the learner's tests against one module."""
    tests = {f"{MODULE}/{path.relative_to(submission / MODULE).as_posix()}": path for path in tests_of(submission)}
    files = {f"{MODULE}/{path.relative_to(module).as_posix()}": path for path in module.rglob("*") if path.is_file()}
    visit = machines.visit([files, tests], test_steps(machines), limits=TEST_LIMITS, cwd=MODULE)
    init = visit["init"]
    return read_run(visit["test"]) if init.ok else SuiteRun(0, 1, init.problem(), init)


def test_steps(machines: Machines) -> list[dict[str, Any]]:
    return [
        machines.provider(),
        terraform("init", "init", "-backend=false", "-no-color", "-input=false"),
        terraform("test", "test", "-json", "-no-color", parsed=True, timeout=180),
    ]


def tests_of(submission: Path) -> Iterator[Path]:
    """The learner's test files, and what lies beside them under ``tests/`` (helper modules, say)."""
    folder = submission / MODULE
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        is_test = path.name.endswith((".tftest.hcl", ".tftest.json")) and len(inside.parts) == 1
        if path.is_file() and not path.is_symlink() and (is_test or inside.parts[0] == "tests"):
            yield path


def read_run(step: Step) -> SuiteRun:
    """Count what ``terraform test -json`` tells of its runs."""
    passed = bad = 0
    complaint = ""
    for said in stream(step):
        run = said.get("test_run") or {}
        if said.get("type") == "test_run" and run.get("progress") == "complete":
            passed += run.get("status") == "pass"
            bad += run.get("status") in ("fail", "error")
        diagnostic = said.get("diagnostic") or {}
        if said.get("type") == "diagnostic" and diagnostic.get("severity") == "error" and not complaint:
            place = f" (run {said['@testrun']!r} of {said.get('@testfile', '')})" if "@testrun" in said else ""
            complaint = (
                f"{diagnostic.get('summary', '')}: {' '.join(str(diagnostic.get('detail', '')).split())[:300]}{place}"
            )
    if step.status != 0 and not bad:
        bad, complaint = 1, complaint or step.problem()
    return SuiteRun(passed, bad, complaint, step)


# --- modules of ours ----------------------------------------------------------------------------------------------------


def make_module(source: Path, target: Path, rng: random.Random, fault: Fault | None = None) -> Path:
    """A copy of one of our modules: with the fault in it, and written differently each time.

    Blocks change their order and local values their name, so that a test that knows a file from the last run knows nothing.
    """
    shutil.copytree(source, target)
    if fault:
        fault.apply(target)
    name = rng.choice(WORDS)
    for path in sorted(target.glob("*.tf")):
        text = re.sub(r"\blocal\.base_name\b", f"local.{name}_name", path.read_text("utf-8"))
        text = re.sub(r"\bbase_name(\s*=)", rf"{name}_name\1", text)
        blocks = BLOCK.findall(text)
        rng.shuffle(blocks)
        path.write_text("\n".join(blocks), "utf-8")
    return target


# --- inputs -------------------------------------------------------------------------------------------------------------

GOOD = {"environment": "staging", "owner": "ml@example.com", "model_retention_days": 30, "retraining_attempts": 3}
OWN_WORDS = (
    "Invalid value for variable",
    "precondition failed",
    "postcondition failed",
    "Check block assertion failed",
)


@dataclass(frozen=True)
class Input:
    """One set of inputs of the module; ``said`` is the learner's own message, where one was refused."""

    passed: bool
    said: str
    problem: str


def _run_with_defaults(defaults: dict[str, Any]) -> str:
    given = "\n".join(f"    {key} = {json.dumps(GOOD[key])}" for key in GOOD if key not in defaults)
    asserts = "\n".join(
        f'  assert {{\n    condition     = var.{key} == {json.dumps(value)}\n    error_message = "{key} has another default"\n  }}'
        for key, value in defaults.items()
    )
    return f'run "defaults" {{\n  command = plan\n  variables {{\n{given}\n  }}\n{asserts}\n}}\n'


def try_inputs(
    machines: Machines, submission: Path, cases: dict[str, dict[str, Any]], defaults: dict[str, Any]
) -> dict[str, Input]:
    """Plan the learner's module once for each case of inputs, all in one run, and once more, as ``defaults``, without those."""
    source = submission / MODULE
    theirs = set(tests_of(submission))
    files: dict[str, Any] = {
        f"{MODULE}/{path.relative_to(source).as_posix()}": path
        for path in source.rglob("*")
        if path.is_file() and path not in theirs
    }
    for name, values in cases.items():
        lines = "\n".join(f"    {key} = {json.dumps(value)}" for key, value in (GOOD | values).items())
        files[f"{MODULE}/tests/{name}.tftest.hcl"] = (
            f'run "{name}" {{\n  command = plan\n  variables {{\n{lines}\n  }}\n}}\n'
        )
    files[f"{MODULE}/tests/defaults.tftest.hcl"] = _run_with_defaults(defaults)
    cases = {**cases, "defaults": {}}
    others = {f"infra/modules/{p.relative_to(submission / 'infra/modules').as_posix()}": p
              for p in (submission / "infra/modules").rglob("*") if p.is_file() and source not in p.parents}  # fmt: skip
    visit = machines.visit([others, files], test_steps(machines), limits=TEST_LIMITS, cwd=MODULE)
    if not visit["init"].ok:
        return {name: Input(False, "", visit["init"].problem()) for name in cases}
    step = visit["test"]
    found = {
        name: Input(False, "", step.problem() if step.status is None else "terraform test said nothing of it")
        for name in cases
    }
    errors: dict[str, list[dict[str, Any]]] = {}
    status: dict[str, str] = {}
    for said in stream(step):
        case = str(said.get("@testrun", ""))
        if said.get("type") == "diagnostic" and (said.get("diagnostic") or {}).get("severity") == "error":
            errors.setdefault(case or "", []).append(said["diagnostic"])
        if said.get("type") == "test_run" and said["test_run"].get("progress") == "complete":
            status[case] = said["test_run"].get("status", "")
    for name in cases:
        own = [e for e in errors.get(name, []) if any(words in str(e.get("summary", "")) for words in OWN_WORDS)]
        every = errors.get(name) or errors.get("") or []
        problem = "; ".join(
            f"{e.get('summary')}: {' '.join(str(e.get('detail', '')).split())[:300]}" for e in every[:2]
        )
        if name in status:
            said_own = str(own[0].get("detail", "")).split("This was checked by")[0].strip() if own else ""
            found[name] = Input(status[name] == "pass", said_own, problem)
        elif every:
            found[name] = Input(False, "", problem)
    return found
