"""Lab 02's fixture: the learner's suite as a thing that accepts or rejects code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from judge.suite import Suite

from sandbox.jail import Jail


@pytest.fixture(scope="session")
def suite(submission: Any, jail: Jail, parallel: Callable[..., list[Any]], run_seed: int) -> Suite:
    """The learner's tests, ready to be run against any code; results are remembered for the whole grading run."""
    tests = {name: submission.path / name for name in submission.accepted}
    return Suite(tests, submission.path / "pytest.ini", jail, parallel, run_seed)
