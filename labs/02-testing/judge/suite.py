"""Runs the learner's tests against one code after the other, a jail for each, and words what was seen."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from judge.code import IMPLEMENTATIONS, Code, Workshop
from sandbox.grading import Fault, fail
from sandbox.jail import Finished, Jail, Limits

RUNNER = Path(__file__).with_name("inside.py")
REPORT = "judge_report.json"
PLAN_ENDED = 64  # as in inside.py, which shares nothing with this process
SECONDS = 30
NO_TESTS = 5
FOLDERS = {"unit": "tests/unit", "integration": "tests/integration", "legacy": "tests/legacy"}
# Both spare a search through the metadata of every installed package.
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Run:
    """How one run of one folder of tests ended.

    Attributes:
        layer: ``unit``, ``integration`` or ``legacy``.
        status: the exit status; None where the time or a signal ended it.
        timed_out: whether it took more than :data:`SECONDS`.
        counts: how many tests passed, failed, were skipped, were expected to fail. Written inside: for messages only.
        failures: name and text of the first failures; for messages only.
        reported: whether pytest came to its end and reported.
    """

    layer: str
    status: int | None
    timed_out: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)
    failures: tuple[tuple[str, str], ...] = ()
    reported: bool = False

    @property
    def passed(self) -> bool:
        return self.status == 0 and self.reported and self.done > 0

    @property
    def failed(self) -> bool:
        return self.status not in (None, 0, NO_TESTS)

    @property
    def done(self) -> int:
        """How many tests were really run; for honest suites only, as all counts."""
        return self.counts.get("passed", 0) + self.counts.get("xfailed", 0)

    def story(self) -> str:
        """What was seen, in a few lines."""
        if self.timed_out:
            return f"it was stopped after {SECONDS} seconds"
        if self.status == NO_TESTS:
            return "no test was found"
        if self.status is None:
            return "it was ended by a signal, or by a limit on memory or processes"
        if not self.reported:
            return f"the process ended with status {self.status} before the tests were done"
        if self.failures:
            test, text = self.failures[0]
            return f"{test}\n{_gist(text)}"
        told = ", ".join(f"{number} {name}" for name, number in self.counts.items() if number)
        return told or f"exit status {self.status} and no test"


Repetition = tuple[list[dict[str, str]], list[Run], int]
"""The steps of a plan, how each of them ended, and the number of the correct code in it."""


class Suite:
    """The learner's tests as a thing that says yes or no to code."""

    def __init__(
        self, tests: Mapping[str, Path], ini: Path, jail: Jail, parallel: Callable[..., list[Any]], seed: object
    ) -> None:
        self._tests, self._ini, self._jail, self._parallel = dict(tests), ini, jail, parallel
        self._seed = seed
        self.workshop = Workshop(seed)
        self._done: dict[tuple[str, str], Future[Run]] = {}
        self._lock = threading.Lock()

    # --- single runs ----------------------------------------------------------------------------------------------------

    def correct(self, layer: str, number: int) -> Run:
        """The tests of a layer against one of the correct codes."""
        return self._once(layer, self.workshop.correct(number))

    def hollow(self, layer: str) -> Run:
        """… against code that is wrong everywhere."""
        return self._once(layer, self.workshop.hollow())

    def faulty(self, layer: str, fault: Fault) -> Run:
        """… against code with one fault."""
        return self._once(layer, self.workshop.faulty(fault))

    def _once(self, layer: str, code: Code) -> Run:
        with self._lock:
            known = self._done.get((layer, code.name))
            if known is None:
                future = self._done[layer, code.name] = Future[Run]()
        if known is not None:
            return known.result()
        try:
            future.set_result(self._run(layer, code))
        except BaseException as error:
            future.set_exception(error)
            raise
        return future.result()

    def _run(self, layer: str, code: Code) -> Run:
        # One jail for one run, each started in the same way: nothing carries over, and nothing tells which code it is.
        files = self._files(code.files)
        finished = self._jail.run(
            ["python", "judge_runner.py", layer],
            files=files,
            env=ENVIRONMENT,
            limits=Limits(timeout_s=SECONDS),
            collect=[REPORT],
        )
        return _read(layer, finished, finished.files.get(REPORT))

    def _files(self, more: Mapping[str, str]) -> dict[str, Path | bytes | str]:
        return {**self._tests, **more, "pytest.ini": self._ini, "judge_runner.py": RUNNER}

    # --- verdicts -------------------------------------------------------------------------------------------------------

    def tells_right_from_wrong(self, layer: str) -> None:
        """The tests pass with correct code and fail with hollow code; says which of the ways to do neither it is."""
        right, wrong = self._parallel(lambda call: call(), [lambda: self.correct(layer, 0), lambda: self.hollow(layer)])
        self._must_accept(right, also_fails=wrong.failed)
        if wrong.failed:
            return
        if wrong.timed_out or wrong.status is None:
            fail(f"the run of {FOLDERS[layer]} did not end by itself with wrong code", observed=wrong.story())
        idle = wrong.counts.get("skipped", 0) + wrong.counts.get("xfailed", 0)
        if idle and not wrong.counts.get("passed", 0):
            what = "every test is skipped or expected to fail, so the suite passes whatever the code does"
        elif not wrong.reported:
            what = "the process ends itself with status 0, so the suite passes whatever the code does"
        else:
            what = "they run the code and assert nothing about what comes back, or nothing that can be wrong"
        fail(
            f"your tests in {FOLDERS[layer]} also pass with code that answers wrongly everywhere: {what}",
            observed=wrong.story(),
            expected="at least one failed test when every function returns a wrong value",
        )

    def must_accept(self, layer: str, number: int) -> None:
        """The tests pass with one of the correct codes."""
        self._must_accept(self.correct(layer, number), also_fails=False)

    def _must_accept(self, run: Run, *, also_fails: bool) -> None:
        folder = FOLDERS[run.layer]
        if run.passed:
            return
        if run.status == NO_TESTS:
            how = (
                "a module test_*.py with a class that extends unittest.TestCase"
                if run.layer == "legacy"
                else "a module test_*.py with functions test_*"
            )
            fail(f"there is no test in {folder}", observed=run.story(), expected=how)
        if run.timed_out:
            fail(f"the tests in {folder} do not end", observed=run.story(), expected=f"an end within {SECONDS} seconds")
        if run.status == 0 and not run.reported:
            fail(
                f"the run of {folder} ended itself before the tests were done",
                observed=run.story(),
                expected="that pytest ends by itself",
            )
        if run.status == 0:
            fail(
                f"no test in {folder} did anything: all of them are skipped",
                observed=run.story(),
                expected="tests that run and pass",
            )
        both = " They fail with wrong code too: a suite that always fails tells nothing." if also_fails else ""
        fail(
            f"a test in {folder} fails although the code is correct.{both}",
            observed=run.story(),
            expected="that every test passes with any code that keeps the contract on the page",
        )

    def must_catch(self, layer: str, fault: Fault) -> None:
        """The tests fail with this fault."""
        run = self.faulty(layer, fault)
        if run.failed:
            return
        if run.timed_out or run.status is None:
            fail(f"the run of {FOLDERS[layer]} did not end by itself with this fault in place: {run.story()}")
        fail(f"all your tests in {FOLDERS[layer]} still pass with this fault in place. Why it matters: {fault.reason}")

    # --- orders and repetitions -----------------------------------------------------------------------------------------

    def again(self, kind: str, faults: Mapping[str, Iterable[Fault]]) -> None:
        """Both layers together: ``order`` (reversed and shuffled) or ``twice`` (twice in the same folder).

        Among the runs that must pass one is hidden that must fail, with a fault that the suite catches otherwise: a
        suite that passes by not looking any more is found out. So is one whose tests step aside, by a skip, where the test
        that they need has not run.
        """
        caught = [fault for layer, group in faults.items() for fault in group if self.faulty(layer, fault).failed]
        if not caught:
            fail(
                "your tests catch no fault yet, so there is nothing to see here",
                expected="tests that catch at least one fault, to be run in another order or again",
            )
        # Both plans at the same time, since the other check needs its own next.
        plans: list[Repetition] = self._parallel(lambda name: self._plan_once(name, caught), ["order", "twice"])
        steps, runs, number = plans[("order", "twice").index(kind)]
        usual = sum(self.correct(layer, number).done for layer in faults)
        words = "in another order" if kind == "order" else "a second time in the same folder"
        for step, run in zip(steps, runs, strict=True):
            if step["faulty"] and not run.failed:
                fail(
                    f"{words} your tests no longer notice that {step['faulty']}",
                    observed=run.story(),
                    expected="the same verdict in every run",
                )
            if not step["faulty"] and not run.passed:
                fail(
                    f"your tests fail when they run {words}, with the same correct code",
                    observed=run.story(),
                    expected="the same verdict in every run",
                )
            if not step["faulty"] and run.done < usual:
                fail(
                    f"{words} only {run.done} of your {usual} tests run; the others are skipped or left out",
                    observed=run.story(),
                    expected="the same tests in every run: none steps aside because another one has not run, or has",
                )

    def _plan_once(self, kind: str, caught: list[Fault]) -> Repetition:
        with self._lock:
            plans: dict[str, Future[Repetition]] = self.__dict__.setdefault("_plans", {})
            known = plans.get(kind)
            if known is None:
                future = plans[kind] = Future()
        if known is not None:
            return known.result()
        try:
            future.set_result(self._plan(kind, caught))
        except BaseException as error:
            future.set_exception(error)
            raise
        return future.result()

    def _plan(self, kind: str, caught: list[Fault]) -> Repetition:
        rng = random.Random(f"{self._seed}:{kind}")
        fault = rng.choice(caught)
        orders = (
            ["normal", "normal", "normal"] if kind == "twice" else ["reversed", f"shuffled {rng.random()}", "reversed"]
        )
        folders = [f"run-{rng.getrandbits(32):08x}" for _ in orders]
        right, wrong = (f"code-{rng.getrandbits(32):08x}" for _ in range(2))
        steps = [
            {"order": order, "folder": folders[0] if kind == "twice" else folder, "code": right, "faulty": ""}
            for order, folder in zip(orders, folders, strict=True)
        ]
        steps[-1] |= {"code": wrong, "faulty": fault.title}
        rng.shuffle(steps)
        number = rng.randrange(len(IMPLEMENTATIONS))
        correct = self.workshop.correct(number)
        code = {f"{right}/{name}": text for name, text in correct.files.items()}
        code |= {f"{wrong}/{name}": text for name, text in self.workshop.faulty(fault).files.items()}
        plan = json.dumps([{name: step[name] for name in ("order", "folder", "code")} for step in steps])
        reports = [f"step-{number}.json" for number in range(len(steps))]
        finished = self._jail.run(
            ["python", "judge_runner.py", "plan"],
            files={**self._files(code), "plan.json": plan},
            env=ENVIRONMENT,
            limits=Limits(timeout_s=SECONDS * 2),
            collect=reports,
        )
        statuses = _verdicts(finished.exit_status, len(steps))
        runs = [_read("unit", finished, finished.files.get(report)) for report in reports]
        return steps, [replace(run, status=status) for run, status in zip(runs, statuses, strict=True)], number


def _verdicts(exit_status: int | None, steps: int) -> list[int | None]:
    """What the exit status of a plan says of each step: the digits that ``inside.digit`` made."""
    if exit_status is None or not PLAN_ENDED <= exit_status < PLAN_ENDED + 4**steps:
        return [None] * steps
    meanings = (0, 1, NO_TESTS, None)
    return [meanings[(exit_status - PLAN_ENDED) // 4**place % 4] for place in range(steps)]


def _read(layer: str, finished: Finished, content: bytes | None) -> Run:
    report = _json(content)
    counts = {str(name): number for name, number in _table(report.get("counts")).items() if type(number) is int}
    listed = report.get("failures")
    failures = tuple(
        (_clean(str(item.get("test", "")), 200), _clean(str(item.get("text", "")), 1500))
        for item in (listed if isinstance(listed, list) else [])[:3]
        if isinstance(item, dict)
    )
    return Run(
        layer, finished.exit_status, finished.timed_out, counts, failures, content is not None and "counts" in report
    )


def _json(content: bytes | None) -> dict[str, Any]:
    # Written by a process that the submission shares: it may be anything.
    if content is None or len(content) > 100_000:
        return {}
    try:
        return _table(json.loads(content))
    except (ValueError, RecursionError):
        return {}


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _gist(text: str) -> str:
    """The lines of a failure that say what was wrong: those that pytest marks with E, else the last ones."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return "\n".join((marked or lines[-4:])[:6])


def _clean(text: str, length: int) -> str:
    text = ESCAPES.sub("", text)
    return "".join(c for c in text if c == "\n" or c.isprintable())[:length]
