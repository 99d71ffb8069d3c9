"""Gradescope's ``results.json`` and a folder that makes an autograder of a lab."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

from sandbox.course import Lab
from sandbox.grading.results import LabResult
from sandbox.reports.terminal import SIGNS

SETUP = """#!/usr/bin/env bash
# Runs once, when Gradescope builds the image.
set -euo pipefail
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv git
mkdir -p /autograder/course
tar -xzf /autograder/source/course.tar.gz -C /autograder/course
cd /autograder/course
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {{ echo "choose an image with Python 3.11 or newer"; exit 1; }}
python3 sandbox/bootstrap.py
"""

RUN = """#!/usr/bin/env bash
# Runs for each submission. The result is written whatever happens; without a jail nothing is graded.
set -uo pipefail
cd /autograder/course
.venv/bin/lab class gradescope {lab} /autograder/submission --results /autograder/results/results.json
"""


def render(result: LabResult) -> dict[str, Any]:
    """The object of ``results.json``. A run that could not grade everything has no score: Gradescope then shows an error."""
    tests = [
        {
            "name": check.title,
            "number": str(number),
            "score": check.points,
            "max_score": check.max_points,
            "status": "passed" if check.status == "passed" else "failed",
            "output": _story(check.status, check.message, check.observed, check.expected, check.hint),
            "output_format": "text",
            "visibility": "visible",
            "tags": [check.name],
        }
        for number, check in enumerate(result.checks, 1)
    ]
    whole: dict[str, Any] = {
        "execution_time": round(result.duration_s),
        "stdout_visibility": "hidden",
        "output_format": "text",
        "extra_data": {"course_digest": result.course_digest, "submission_digest": result.submission_digest},
    }
    if result.complete:
        return {**whole, "output": "", "tests": tests}
    # A score would be entered as a grade; with none of the tests scored, Gradescope marks the run as failed.
    return {
        **whole,
        "output": "This run could not grade everything. That is no fault of yours; your instructor can run it again.",
    }


def failure(message: str) -> dict[str, Any]:
    """``results.json`` for work that cannot be graded as it was handed in."""
    return {"score": 0.0, "output": message, "output_format": "text", "stdout_visibility": "hidden"}


def write_autograder(lab: Lab, target: Path) -> None:
    """Write ``setup.sh``, ``run_autograder`` and the course, to be zipped and uploaded."""
    target.mkdir(parents=True, exist_ok=True)
    for name, text in (("setup.sh", SETUP.format()), ("run_autograder", RUN.format(lab=lab.id))):
        (target / name).write_text(text, "utf-8")
        (target / name).chmod(0o755)
    root = lab.course.root
    parts = [
        "pyproject.toml",
        "requirements.lock",
        "README.md",
        "LICENSE",
        "sandbox",
        f"labs/{lab.id}",
        f"solutions/{lab.id}",
    ]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for part in parts:
            if (root / part).exists():
                archive.add(root / part, part, filter=_clean)
    (target / "course.tar.gz").write_bytes(buffer.getvalue())
    shutil.make_archive(str(target), "zip", target)


def _clean(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    if "__pycache__" in info.name.split("/"):
        return None
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _story(status: str, message: str, observed: str, expected: str, hint: str) -> str:
    sign = SIGNS[status][0]  # type: ignore[index]
    lines = [f"{sign} {status}" + (f": {message}" if message else "")]
    lines += [f"{word}: {text}" for word, text in (("seen", observed), ("expected", expected), ("hint", hint)) if text]
    return "\n".join(lines)
