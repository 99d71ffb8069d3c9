"""Classroom 50's ``result.json``: schema ``classroom50/result/v1`` of its page "Advanced Autograding"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.grading.results import LabResult

SCHEMA = "classroom50/result/v1"
UNIT = 100
"""Its scores are whole numbers and ours are not: a point is told as a hundred."""


def render(result: LabResult, environment: Mapping[str, str]) -> dict[str, Any]:
    """The record. Owner and kind of the assignment are stamped by its runner.

    Args:
        environment: the variables that its runner sets: ``CLASSROOM``, ``ASSIGNMENT``, ``SUBMISSION_TAG``, ``COMMIT_URL`` …

    Raises:
        ValueError: the run could not grade everything. Its runner asks for a status of its own then, not for a score.
    """
    if not result.complete:
        raise ValueError(result.problem or "the run could not grade everything")
    tests = [
        {
            "test-name": check.name,
            "passed": check.status == "passed",
            "score": round(check.points * UNIT),
            "max-score": round(check.max_points * UNIT),
            "message": check.message,
        }
        for check in result.checks
    ]
    commit = environment.get("COMMIT_URL", "")
    return {
        "schema": SCHEMA,
        "classroom": environment.get("CLASSROOM", ""),
        "assignment": environment.get("ASSIGNMENT", result.lab),
        "submission": environment.get("SUBMISSION_TAG", ""),
        "commit": commit,
        "release": environment.get("RELEASE_URL", ""),
        "review": environment.get("REVIEW_URL") or commit,
        "datetime": environment.get("SUBMITTED_AT") or result.started_at,
        "graded_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "score": sum(int(str(test["score"])) for test in tests),
        "max-score": sum(int(str(test["max-score"])) for test in tests),
        "tests": tests,
    }
