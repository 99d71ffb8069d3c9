"""Markers of every test: ``needs`` (tools) and ``slow``; and a course whose state no test shares with a person."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator

import pytest

from sandbox import tools
from sandbox.jail import JailUnavailable, open_jail

REQUIRED = os.environ.get("SANDBOX_REQUIRE") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless they are asked for by ``-m`` or named on the command line."""
    named = any("::" in argument for argument in config.args)
    if config.getoption("markexpr") or named:
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    if slow:
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose tool is missing, by the tool's name; where SANDBOX_REQUIRE=1, fail it."""
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            problem = _problem(name)
            if problem and REQUIRED:
                pytest.fail(f"needs {name}, and SANDBOX_REQUIRE=1: {problem}", pytrace=False)
            if problem:
                pytest.skip(f"needs {name}: {problem}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where SANDBOX_REQUIRE=1, a test that skips itself fails as well."""
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and SANDBOX_REQUIRE=1: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file that skips itself while it is read."""
    report = yield
    if REQUIRED and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped, and SANDBOX_REQUIRE=1: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what was skipped, and why: one line for each reason."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in sorted(reasons.items()):
        line = f"skipped {count}: {' '.join(reason.split())}"
        terminalreporter.write_line(line if len(line) <= 200 else f"{line[:199]}…")


def _problem(name: str) -> str:
    if name.startswith("jail:"):
        try:
            open_jail(name.removeprefix("jail:"))
        except JailUnavailable as error:
            return error.message
        return ""
    if name not in tools.TOOLS:
        return f"sandbox.tools knows no tool of this name (known: {', '.join(tools.TOOLS)})"
    return tools.look(name).problem
