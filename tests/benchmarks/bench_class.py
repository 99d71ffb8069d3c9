"""What grading a class of lab 02 costs: submissions a minute, CPU over the bare cost of the commands, memory, a second run.

The class is made from the lab's own corpus: of twenty submissions six are right, ten wrong, one never ends (it is stopped at its
time limit, and so are its commands when they run bare), one is hostile, one cannot be opened, one is a copy. *Bare* are the commands
that grading ran in the jail for a part of the class, written down and run again as plain processes: what no grader can go below.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from sandbox.classroom.grade import Settings, take
from sandbox.classroom.intake import read_submissions
from sandbox.classroom.similarity import fingerprint
from sandbox.classroom.store import ClassStore, Record
from sandbox.course import Lab, open_course
from sandbox.grading.corpus import assemble, samples
from tests.benchmarks import Table, meter
from tests.benchmarks.recorder import record
from tests.commands import LAB as COMMAND

TITLE = "Grading a class"
LAB = "02"
TURN = 20
"""After so many submissions the kinds come again."""
HANGS = "import time\n\n\ndef test_of_patience():\n    time.sleep(10_000)\n"
HOSTILE = (
    "import os, pathlib, signal\n\n\ndef test_of_the_wall():\n"
    "    [path.unlink() for path in pathlib.Path('/').rglob('*.py') if os.access(path, os.W_OK)]\n"
    "    os.kill(-1, signal.SIGKILL)\n"
)


def make_class(lab: Lab, folder: Path, students: int) -> Path:
    """The class's folder; the same number gives the same class."""
    right = [sample for sample in samples(lab) if sample.kind in ("solution", "right")]
    wrong = [sample for sample in samples(lab) if sample.kind == "wrong"]
    for number in range(students):
        place, target = number % TURN, folder / "class" / f"s{number:04}"
        if place == TURN - 1:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.with_suffix(".zip").write_bytes(b"PK\x03\x04 cut")
            continue
        if place in (1, 4):
            target.mkdir(parents=True)
            (target / "tests" / "unit").mkdir(parents=True)
            (target / "tests" / "unit" / "test_x.py").write_text(HANGS if place == 1 else HOSTILE)
            continue
        sample = right[number % len(right)] if place % 3 == 0 else wrong[number % len(wrong)]
        assemble(lab, sample, target)
        if place != 7:  # the one that is a copy
            name = next(path for path in sorted(target.rglob("test_*.py")) if path.is_file())
            name.write_text(f"{name.read_text()}\n# student {number}\n")
    return folder / "class"


def grade(source: Path, *more: str) -> meter.Cost:
    """`lab grade` as a process of its own; its memory is that of the judge, without the workers that it starts."""
    command = [*COMMAND, "grade", str(source), "--lab", LAB, "--json", *more]
    return meter.run(command)


def fill(lab: Lab, source: Path, out: Path, like: list[Record]) -> int:
    """Lay down results for a class, as an earlier run would have left them; the number of submissions."""
    store, basis = ClassStore(out), lab.digest()
    store.results.mkdir(parents=True)
    entries = read_submissions(source)
    for number, entry in enumerate(entries):
        found = take(lab, entry, Settings())
        prints = fingerprint(content for content, _ in found.files.values())
        made = replace(Record.of(entry, "graded"), basis=(found.digest, basis, ""), fingerprint=prints, tries=1)
        store.save(replace(made, result=like[number % len(like)].result))
    return len(entries)


def measure(quick: bool) -> Table:
    """The class, a part of it bare, the class again, and classes of which nothing has changed."""
    lab = open_course().find(LAB)
    students, part = (TURN, 4) if quick else (200, 20)
    rows: list[tuple[str | float | int | None, ...]] = []

    def row(name: str, number: int, cost: meter.Cost) -> None:
        cpu = None if cost.cpu_s is None else cost.cpu_s / number
        rows.append((name, str(number), cost.seconds, 60 * number / cost.seconds, cpu, cost.peak_mb or None))

    with tempfile.TemporaryDirectory(prefix="bench-class-") as name:
        folder = Path(name)
        source = make_class(lab, folder / "whole", students)
        # Of the part only what ends by itself: a time limit costs the same with and without a grader.
        some = folder / "part" / "class"
        picked = [path for at, path in enumerate(sorted(source.iterdir())) if at % TURN not in (1, 4, TURN - 1)][:part]
        recorded = []
        for path in picked:
            shutil.copytree(path, some / path.name)
            recorded.append(folder / f"recorded-{path.name}")
            record(lab, path, recorded[-1])
        script = Path(__file__).with_name("replay.py")
        row("the bare commands of a part", part, meter.run([sys.executable, str(script), *map(str, recorded)]))
        row("lab grade, this part", part, grade(some, "--workers", "1"))
        row("lab grade, the whole class", students, grade(source))
        row("lab grade, unchanged", students, grade(source))
        out = folder / "whole" / "class-graded" / lab.id
        store = ClassStore(out)
        like = [whole for brief in store.records() if brief.state == "graded" and (whole := store.load(brief.key))]
        for number in (20, 2_000):
            many = folder / f"class-{number}"
            for at in range(number):
                path = many / f"s{at:04}" / "tests" / "unit" / "test_own.py"
                path.parent.mkdir(parents=True)
                text = "".join(
                    f"def test_{at}_{n}():\n    assert {at} + {n} * {at % (n + 2)} - {n} // 3 >= {n}\n\n"
                    for n in range(60)
                )
                path.write_text(text)
            fill(lab, many, folder / "results" / str(number), like)
            row("nothing to grade, all reports", number, grade(many, "--out", str(folder / "results" / str(number))))
    bare, ours, whole, again = rows[:4]
    notes = [f"A second run is {float(whole[2] or 0) / float(again[2] or 1):,.0f} times faster than the first."]
    if bare[4] and ours[4]:
        notes.insert(0, f"CPU over the bare commands: {float(ours[4]) / float(bare[4]) - 1:.1%}.")
    else:
        notes.insert(0, "Not measured: CPU, since no control group can be made here.")
    notes.append(f"{os.cpu_count()} workers; the load before it began was {os.getloadavg()[1]:.1f}.")
    return Table(
        ("way", "students", "seconds", "a minute", "CPU s each", "peak MB of the judge"), tuple(rows), tuple(notes)
    )
