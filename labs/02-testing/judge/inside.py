"""Runs one suite inside the jail. Nothing that it writes is a verdict; the exit status is, over many runs.

    python judge_runner.py unit|integration|legacy           one run, as a learner would start it
    python judge_runner.py plan                              the runs of plan.json, one after the other, in forks

A learner's code shares this process and can forge all that comes out of it. That earns nothing: the judge knows which
run must pass and which must fail, the code under test does not say, and every run is started in the same way.
The report in ``judge_report.json`` is for messages only.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import sys
import unittest
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPORT = "judge_report.json"
HOOK = "pytest_collection_modifyitems"
FOLDERS = {"unit": ["tests/unit"], "integration": ["tests/integration"], "both": ["tests/unit", "tests/integration"]}
# pytest's statuses; 0 and 1 are "all passed" and "some failed".
NO_TESTS = 5
# The exit status of a plan that came to its end; the verdicts of at most three steps are added, two bits each.
PLAN_ENDED = 64


def main(arguments: list[str]) -> int:
    layer = arguments[0]
    # Tests may look at the command line, and every run looks the same there.
    sys.argv = ["pytest"]
    if layer == "legacy":
        return run_unittest()
    # Most of a run is importing. What is imported stays, so the collector need not look at it, now or later.
    gc.disable()
    if layer == "plan":
        return run_plan()
    return run_pytest(layer, "normal")


def run_pytest(layer: str, order: str) -> int:
    folders = [folder for folder in FOLDERS[layer] if os.path.isdir(folder)]
    if not folders:
        Reporter().write()
        return NO_TESTS
    plugins: list[str] = []
    if layer != "unit":
        import_service_libraries()
        # Third-party plugins are off, so that a suite runs here as on any other machine. Async tests stay possible.
        if any("anyio" in path.read_text("utf-8", "replace") for path in Path("tests").rglob("*.py")):
            plugins = ["-p", "anyio.pytest_plugin"]
    import pytest

    gc.freeze()
    gc.enable()
    # The outermost wrapper: whatever a conftest sorts, this comes after it.
    setattr(Reporter, HOOK, pytest.hookimpl(wrapper=True, tryfirst=True)(getattr(Reporter, HOOK)))
    arguments = ["-q", "-x", "--tb=short", "--color=no", "-p", "no:cacheprovider", *plugins, *folders]
    return int(pytest.main(arguments, plugins=[Reporter(order)]))


def import_service_libraries() -> None:
    """Import what every test of the service imports, in the least time: most of a run is spent here.

    httpx brings a command line along (click, rich, pygments) where these are installed; no test needs it.
    """
    sys.modules["click"] = None  # type: ignore[assignment]
    try:
        import httpx  # noqa: F401
    finally:
        del sys.modules["click"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import fastapi.testclient  # noqa: F401


def run_unittest() -> int:
    # The machine that this module comes from has the standard library and nothing else.
    sys.modules["pytest"] = None  # type: ignore[assignment]
    sys.path.insert(0, os.getcwd())
    if not os.path.isdir("tests/legacy"):
        Reporter().write()
        return NO_TESTS
    suite = unittest.defaultTestLoader.discover("tests/legacy")
    result: Any = unittest.TextTestRunner(failfast=True, verbosity=0, resultclass=Result).run(suite)
    report = Reporter()
    report.counts = {"passed": result.passed, "failed": len(result.failures) + len(result.errors)}
    report.counts |= {"skipped": len(result.skipped), "xfailed": len(result.expectedFailures)}
    report.failures = [
        {"test": str(test), "text": text[-1500:]} for test, text in (result.failures + result.errors)[:3]
    ]
    report.write()
    if not result.wasSuccessful():
        return 1
    return 0 if result.testsRun else NO_TESTS


class Result(unittest.TextTestResult):
    """Counts what passed: a test of which one part is skipped has other parts, and `testsRun` does not know them."""

    passed = 0

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self.passed += 1

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        self.passed += err is None


def run_plan() -> int:
    """Each step of the plan: the code from one folder, the tests in one order.

    A step with a folder of its own sees nothing that another step left behind. The verdicts leave as digits of the exit
    status: a file could be overwritten by a process that a test has left running.
    """
    import_service_libraries()
    import pytest  # noqa: F401  (shared by the forks)

    home = Path.cwd()
    steps = json.loads(Path("plan.json").read_text("utf-8"))
    statuses: list[int] = []
    for number, step in enumerate(steps):
        sys.stdout.flush()
        if (child := os.fork()) == 0:
            status = 70
            try:
                os.chdir(working_folder(step["folder"], step["code"]))
                sys.path.insert(0, os.getcwd())
                status = run_pytest("both", step["order"])
                sys.stdout.flush()
                os.replace(REPORT, home / f"step-{number}.json")
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        statuses.append(os.waitstatus_to_exitcode(ended))
    return PLAN_ENDED + sum(digit(status) * 4**place for place, status in enumerate(statuses))


def digit(status: int) -> int:
    """0 passed, 1 failed, 2 no test, 3 ended by a signal."""
    return 3 if status < 0 else {0: 0, NO_TESTS: 2}.get(status, 1)


def working_folder(name: str, code: str) -> Path:
    """A copy of the suite, made when it is first asked for, with the code beside it as in the learner's workspace.

    The code is laid there, not only imported from elsewhere, since a test may start a Python of its own.
    """
    folder = Path(name).absolute()
    if not folder.exists():
        shutil.copytree("tests", folder / "tests")
        shutil.copy("pytest.ini", folder)
    shutil.copytree(code, folder, dirs_exist_ok=True)
    # Compiled from the code of the step before, which may be as long and as old.
    shutil.rmtree(folder / "flightdelay" / "__pycache__", ignore_errors=True)
    return folder


class Reporter:
    """A pytest plugin that puts tests into the wanted order and writes down what happened."""

    def __init__(self, order: str = "normal") -> None:
        self.order = order
        self.counts: dict[str, int] = {}
        self.failures: list[dict[str, str]] = []

    def pytest_collection_modifyitems(self, items: list[Any]) -> Iterator[None]:
        yield
        if self.order == "reversed":
            items.reverse()
        elif self.order != "normal":
            random.Random(self.order).shuffle(items)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._failed(report.nodeid or "collecting the tests", report.longreprtext)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self._failed(report.nodeid, report.longreprtext)
        elif report.skipped:
            name = "xfailed" if hasattr(report, "wasxfail") else "skipped"
            self.counts[name] = self.counts.get(name, 0) + 1
        elif report.when == "call":
            self.counts["passed"] = self.counts.get("passed", 0) + 1

    def pytest_sessionfinish(self) -> None:
        self.write()

    def _failed(self, test: str, text: str) -> None:
        self.counts["failed"] = self.counts.get("failed", 0) + 1
        self.failures.append({"test": test, "text": text[-1500:]})

    def write(self) -> None:
        Path(REPORT).write_text(json.dumps({"counts": self.counts, "failures": self.failures[:3]}), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
