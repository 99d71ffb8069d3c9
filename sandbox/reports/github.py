"""GitHub Actions: a step summary in Markdown, and annotations as workflow commands."""

from __future__ import annotations

import re

from sandbox.grading.results import LabResult
from sandbox.reports.terminal import SIGNS, points


def summary(result: LabResult) -> str:
    """Markdown for ``$GITHUB_STEP_SUMMARY``."""
    head = f"## {_cell(result.lab)}: {points(result.score)} of {points(result.max_score)} points"
    lines = [head, ""]
    if not result.complete:
        lines += ["This run could not grade everything: the score is a lower bound.", ""]
    lines += ["| | check | points | what was seen |", "|---|---|---:|---|"]
    for check in result.checks:
        earned = f"{points(check.points)}/{points(check.max_points)}"
        lines.append(f"| {SIGNS[check.status][0]} | {_cell(check.title)} | {earned} | {_cell(check.message)} |")
    return "\n".join(lines) + "\n"


def workflow_commands(result: LabResult) -> str:
    """A line for each check that did not pass; what a submission wrote can neither end the line nor begin a command."""
    level = {"failed": "error", "error": "error", "blocked": "warning", "skipped": "notice"}
    lines = [
        f"::{level[check.status]} title={_property(check.title)}::{_data(check.message or check.status)}"
        for check in result.checks
        if check.status != "passed"
    ]
    return "\n".join(lines) + ("\n" if lines else "")


def _cell(text: str) -> str:
    # Everything that Markdown or HTML could take for markup is escaped: these texts quote what a submission printed.
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
    return re.sub(r"([\\`*_{}\[\]()#+!|~@:-])", r"\\\1", plain)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
