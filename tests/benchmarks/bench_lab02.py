"""What a full grading of lab 02 costs, and how it grows with the number of faults."""

from __future__ import annotations

import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from sandbox.course import Course, Lab, open_course, read_lab
from sandbox.grading.run import grade
from tests.benchmarks import Table

TITLE = "Grading lab 02"
FAULTS = re.compile(r"(?=^\[\[fault\]\]$)", re.MULTILINE)


def with_faults(lab: Lab, folder: Path, number: int) -> Lab:
    """A copy of the lab with so many faults in all: the first ones, or some of them again under another name."""
    target = folder / "labs" / lab.id
    shutil.copytree(lab.folder, target)
    found = {
        path: [text for text in FAULTS.split(path.read_text("utf-8")) if text.startswith("[[fault]]")]
        for path in sorted((target / "faults").glob("*.toml"))
    }
    left = number
    total = sum(len(faults) for faults in found.values())
    for place, (path, faults) in enumerate(found.items()):
        share = left if place == len(found) - 1 else round(number * len(faults) / total)
        left -= share
        chosen = [
            re.sub(r'^name = "(.*)"', rf'name = "\1-{turn}"', faults[turn % len(faults)], count=1, flags=re.MULTILINE)
            for turn in range(share)
        ]
        path.write_text("".join(chosen), "utf-8")
    return read_lab(Course(folder), target)


def measure(quick: bool) -> Table:
    """The reference solution, graded in full; medians."""
    lab = open_course().find("02")
    rows = []
    for number in (10, 28) if quick else (10, 20, 28, 40):
        taken = []
        for _ in range(1 if quick else 3):
            with tempfile.TemporaryDirectory(prefix="bench-lab02-") as folder:
                copy = with_faults(lab, Path(folder) / "course", number)
                work = Path(folder) / "work"
                shutil.copytree(lab.starter, work)
                shutil.copytree(lab.solution, work, dirs_exist_ok=True)
                began = time.perf_counter()
                result = grade(copy, work)
                taken.append(time.perf_counter() - began)
                if not result.passed:
                    raise RuntimeError(f"the solution does not pass: {result.score} of {result.max_score}")
        rows.append((f"{number} faults", statistics.median(taken), statistics.median(taken) / number))
    return Table(("lab 02 with", "seconds for a full grading", "seconds a fault"), tuple(rows))
