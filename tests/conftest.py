"""Markers of every test: ``needs`` (tools) and ``slow``; and a course whose state no test shares with a person."""

from __future__ import annotations

import os

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
