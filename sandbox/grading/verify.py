"""Calibration: prove that a lab grades rightly (``lab verify``)."""

from __future__ import annotations

import ast
import random
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.course import Lab
from sandbox.errors import UserError
from sandbox.grading.corpus import Sample, assemble, samples
from sandbox.grading.results import LabResult
from sandbox.grading.run import Options, grade

# The head and "After this lab you can" are put in by the site, from lab.toml.
PAGE_SECTIONS = ("The picture", "The story", "The contract", "Steps", "Break it",
                 "Check your understanding", "In the real world")  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """What was tried and whether the judge said what it should.

    ``ok`` is None where this machine could not tell (a blocked tool), or where the time was over before its turn
    (``left_out``).
    """

    kind: str
    name: str
    ok: bool | None
    why: str
    duration_s: float = 0.0
    score: float = 0.0
    max_score: float = 0.0
    left_out: bool = False

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


def verify(
    lab: Lab,
    *,
    quick: bool = False,
    repeat: int = 1,
    pick: str = "",
    jobs: int = 1,
    within_s: float | None = None,
    options: Options | None = None,
    on_trial: Callable[[Trial], None] = lambda trial: None,
) -> list[Trial]:
    """Try every sample of the lab's corpus, and read its files for what an author forgets.

    Args:
        quick: run a wrong submission only on the checks that it must fail and what those come after.
        repeat: how often the solution is tried.
        pick: only samples whose ``kind/name`` holds this text.
        jobs: how many samples are tried at the same time; worth it for labs whose checks mostly wait.
        within_s: begin no sample after so many seconds, but for starter and solution, which are always tried. The others
            come in another order each time, so that none is left out for good.
        on_trial: called with each trial, in the order of the corpus.
    """
    began = time.monotonic()
    options = options or Options()
    trials: list[Trial] = []

    def add(trial: Trial) -> None:
        trials.append(trial)
        on_trial(trial)

    if not pick:
        for trial in read_files(lab):
            add(trial)
    cancel = threading.Event()
    chosen = [sample for sample in samples(lab) if pick in f"{sample.kind}/{sample.name}"]
    if within_s is not None:
        always = [sample for sample in chosen if sample.folder is None]
        others = [sample for sample in chosen if sample.folder is not None]
        random.shuffle(others)
        chosen = always + others

    def attempt(sample: Sample, label: str) -> Trial:
        if within_s is not None and sample.folder is not None and time.monotonic() > began + within_s:
            return Trial(sample.kind, sample.name, None, "left out: the time was over", left_out=True)
        return try_sample(lab, sample, options, quick=quick, label=label, cancel=cancel)

    with ThreadPoolExecutor(jobs) as pool:
        begun = [
            pool.submit(attempt, sample, f" #{turn + 1}" if repeat > 1 and sample.kind == "solution" else "")
            for sample in chosen
            for turn in range(repeat if sample.kind == "solution" else 1)
        ]
        try:
            for future in begun:
                add(future.result())
        except BaseException:
            # Ctrl-C reaches this thread only: those that are at work stop what they have in the jail.
            cancel.set()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return trials


def try_sample(
    lab: Lab,
    sample: Sample,
    options: Options,
    *,
    quick: bool = False,
    label: str = "",
    cancel: threading.Event | None = None,
) -> Trial:
    """Grade one sample and compare with what is known of it."""
    started = time.monotonic()
    only = tuple(sorted(sample.fails)) if quick and sample.kind == "wrong" else ()
    with tempfile.TemporaryDirectory(prefix="sample-") as folder:
        try:
            source = assemble(lab, sample, Path(folder) / "work", options.live)
            result = grade(lab, source, Options(**{**options.__dict__, "only": only}), cancel=cancel)
        except UserError as error:
            # A sample that is refused whole (too many files, too large) earns nothing: right for a cheat only.
            ok = sample.kind == "cheat" and not sample.earns
            return Trial(sample.kind, sample.name + label, ok, f"refused: {error}", time.monotonic() - started)
    held, why = judge(sample, result)
    return Trial(
        sample.kind, sample.name + label, held, why, time.monotonic() - started, result.score, result.max_score
    )


def judge(sample: Sample, result: LabResult) -> tuple[bool | None, str]:
    """Whether the grade is what is known of the sample, and why not."""
    by_status: dict[str, set[str]] = {}
    for check in result.checks:
        by_status.setdefault(check.status, set()).add(check.name)
    failed = by_status.get("failed", set())
    passed = {check.name for check in result.checks if check.status == "passed" and check.max_points}
    if "error" in by_status or (result.problem and not result.problem.startswith("blocked")):
        return False, f"the judge erred: {result.problem or ', '.join(sorted(by_status['error']))}"
    if "blocked" in by_status or result.problem:
        blocked = next((c.message for c in result.checks if c.status == "blocked"), result.problem)
        return None, f"blocked: {blocked}"
    if not result.checks:
        return False, "no check was run"
    match sample.kind:
        case "starter":
            if passed:
                return False, f"the untouched starter passes {_list(passed)}"
            silent = {check.name for check in result.checks if check.status == "failed" and not check.message}
            return (not silent, f"{_list(silent)} fails without a reason" if silent else "fails every check")
        case "solution" | "right":
            bad = [check for check in result.checks if check.status != "passed"]
            return (not bad, f"{bad[0].name} {bad[0].status}: {bad[0].message}" if bad else "passes every check")
        case "wrong":
            if failed == sample.fails:
                return True, f"fails {_list(failed)}"
            surprise, missing = failed - sample.fails, sample.fails - failed
            parts = [f"also fails {_list(surprise)}: {_message(result, surprise)}"] if surprise else []
            parts += [f"does not fail {_list(missing)}"] if missing else []
            return False, "; ".join(parts)
        case "cheat":
            gained = {c.name for c in result.checks if c.points > 0} - sample.earns
            return (
                not gained,
                f"earns {_list(gained)}" if gained else f"earns {_list(sample.earns & passed) or 'nothing'}",
            )


def read_files(lab: Lab) -> Iterator[Trial]:
    """What can be told without running anything: hints, page, solution, messages."""
    started = time.monotonic()

    def told(name: str, problems: list[str]) -> Trial:
        return Trial("files", name, not problems, "; ".join(problems) or "in order", time.monotonic() - started)

    names, mute = _read_checks(lab.checks_file)
    hints = lab.hints
    problems = [f"no section for {name}" for name in names if name not in hints]
    problems += [
        f"{name} has {len(hints[name])} steps, not 3 or more"
        for name in names
        if name in hints and len(hints[name]) < 3
    ]
    problems += [f"a section for {name}, which is no check" for name in hints if name not in names]
    yield told("hints.md", problems)
    yield told(
        "checks.py",
        [f"line {line}: an assert without a message" for line in mute] + ([] if names else ["has no check"]),
    )
    proven = {name for ability in lab.spec.abilities for name in ability.checks}
    yield told("lab.toml", [f"an ability names {name}, which is no check" for name in sorted(proven - set(names))])
    yield told(
        "solution", [] if lab.solution.is_dir() and any(lab.solution.iterdir()) else [f"{lab.solution} is empty"]
    )
    yield told("page", _read_page(lab))


def _read_page(lab: Lab) -> list[str]:
    problems = [
        f"{page.relative_to(lab.course.root)} is missing"
        for page in (lab.page, lab.solution_page)
        if not page.is_file()
    ]
    if lab.page.is_file():
        headings = re.findall(r"^## +(.+?)\s*$", lab.page.read_text("utf-8"), re.MULTILINE)
        places = [next((i for i, h in enumerate(headings) if h.startswith(section)), None) for section in PAGE_SECTIONS]
        problems += [
            f"the page lacks “{section} …”"
            for section, place in zip(PAGE_SECTIONS, places, strict=True)
            if place is None
        ]
        found = [place for place in places if place is not None]
        problems += ["the page still says TODO"] if "TODO:" in lab.page.read_text("utf-8") else []
        problems += ["the page's sections are not in the usual order"] if found != sorted(found) else []
    return problems


def _read_checks(path: Path) -> tuple[list[str], list[int]]:
    """Names of the checks, and lines of asserts that say nothing."""
    tree = ast.parse(path.read_text("utf-8"))
    names = [
        node.name.removeprefix("check_")
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("check_")
    ]
    mute = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert) and node.msg is None]
    return names, mute


def _list(names: set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _message(result: LabResult, names: set[str]) -> str:
    return next(check.message for check in result.checks if check.name in names)
