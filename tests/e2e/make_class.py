"""A class made by a script: students' submissions of lab 02 as Canvas would export them, from the lab's own corpus.

Run as ``python -m tests.e2e.make_class FOLDER [--students N]``. The same N gives the same class. It holds right and wrong work,
resubmissions, late work, archives that cannot be read, a copy, and a roster with somebody who has handed in nothing.
"""

from __future__ import annotations

import argparse
import csv
import io
import random
import zipfile
from pathlib import Path

from sandbox.course import Lab, open_course
from sandbox.grading.corpus import assemble, samples

FIRST = (
    *("Ada", "Bo", "Cem", "Dana", "Eli", "Fay", "Gil", "Hana", "Ida", "Jun", "Kai", "Lea", "Mia"),
    *("Nils", "Ola", "Pia", "Quin", "Rosa", "Sami", "Tara", "Uma", "Vera", "Wim", "Xia", "Yara", "Zoe"),
)
LAST = (
    *("Abel", "Bauer", "Costa", "Diaz", "Engel", "Fuchs", "Gomez", "Hansen", "Ito", "Jung"),
    *("Kim", "Lund", "Moreau", "Novak", "Olsen", "Park", "Quist", "Rossi", "Sato", "Tan"),
)
"""Common names of several countries; whoever is put together of them here is nobody."""


def make(folder: Path, students: int, lab: Lab) -> Path:
    """Write ``submissions/`` and ``roster.csv`` below ``folder``; the folder of submissions."""
    chance = random.Random(students)
    target = folder / "submissions"
    target.mkdir(parents=True)
    right = [sample for sample in samples(lab) if sample.kind in ("solution", "right")]
    wrong = [sample for sample in samples(lab) if sample.kind == "wrong"]
    people = [
        (40_000 + number, f"{LAST[number % len(LAST)]}, {FIRST[(number * 7) % len(FIRST)]}", f"s{number:04}")
        for number in range(students)
    ]
    with (folder / "roster.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["Student", "ID", "SIS User ID", "SIS Login ID", "Section"])
        table.writerow(["    Points Possible", "", "", "", ""])
        table.writerows([name, id_, f"S{id_}", login, "A" if id_ % 2 else "B"] for id_, name, login in people)
    for number, (id_, name, _) in enumerate(people[:-1]):
        sample = chance.choice(right) if number % 3 == 0 else chance.choice(wrong)
        late = "LATE_" if number % 7 == 3 else ""
        stem = f"{name.replace(', ', '').lower()}_{late}{id_}_{900_000 + number}_lab02"
        whole = _zipped(sample, lab, folder / ".assembled" / str(number))
        match number:
            case 4:
                whole = whole[: len(whole) // 2]
            case 5:
                whole = b""
            case 6:
                whole = _zip({"../../escape.py": b"x", "tests/unit/test_a.py": b""})
        (target / f"{stem}.zip").write_bytes(whole)
        if number == 9:
            (target / f"{stem}-1.zip").write_bytes(_zipped(right[0], lab, folder / ".assembled" / "again"))
    return target


def _zipped(sample: object, lab: Lab, folder: Path) -> bytes:
    source = assemble(lab, sample, folder)  # type: ignore[arg-type]
    return _zip(
        {f"lab02/{p.relative_to(source).as_posix()}": p.read_bytes() for p in sorted(source.rglob("*")) if p.is_file()}
    )


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=int, default=30)
    given = parser.parse_args()
    print(make(given.folder, given.students, open_course().find("02")))
