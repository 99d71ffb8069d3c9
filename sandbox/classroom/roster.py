"""The list of who should have handed in, as a CSV of one's own or as Canvas, Moodle, Gradescope and GitHub write theirs."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sandbox.classroom.policy import fold
from sandbox.classroom.store import Record
from sandbox.errors import UserError

# What other systems call our columns, in lower case.
COLUMNS = {
    "id": ("id", "student_id", "student id", "sid", "id number", "user id"),
    "name": ("name", "student", "full name", "student name"),
    "email": ("email", "email address", "e-mail"),
    "login": ("login", "sis login id", "username", "github", "github_username", "identifier of login"),
    "sis_id": ("sis_id", "sis user id"),
    "section": ("section", "sections", "group"),
    "participant": ("participant", "identifier"),
    "first": ("first name", "first_name"),
    "last": ("last name", "last_name", "surname"),
}
STAFF = ("instructor", "ta", "reader", "teaching assistant")


@dataclass(frozen=True)
class Student:
    """One person of the roster; fields that the file lacks are empty."""

    id: str
    name: str
    email: str = ""
    login: str = ""
    sis_id: str = ""
    section: str = ""
    participant: str = ""

    def known_as(self) -> set[str]:
        """Every text that a submission may name this person by, folded."""
        number = self.participant.lower().removeprefix("participant ").strip()
        names = {self.id, self.name, self.email, self.login, self.sis_id, number, self.email.partition("@")[0]}
        last, _, first = self.name.partition(",")
        names |= {f"{first} {last}".strip(), " ".join(reversed(self.name.replace(",", " ").split()))}
        names |= {squeezed(name) for name in (self.name, f"{first} {last}", " ".join(reversed(self.name.split())))}
        return {fold(name) for name in names if name.strip()}


def squeezed(name: str) -> str:
    """As Canvas names files: "O'Neil, Mary-Jane" becomes oneilmaryjane."""
    return "".join(sign for sign in name if sign.isalnum())


@dataclass(frozen=True)
class Joined:
    """Submissions and roster put together; nobody of either side is left out.

    Attributes:
        submissions: a student's records by roster id, empty for those who have handed in nothing.
        unknown: records of somebody whom the roster does not list.
        ambiguous: records that fit several people of the roster.
        twice: ids that the roster has in more than one line; the first line counts.
        several: students whose work came under more than one name, so that the order of their attempts is a guess.
    """

    students: tuple[Student, ...]
    submissions: dict[str, list[Record]]
    unknown: tuple[Record, ...] = ()
    ambiguous: tuple[Record, ...] = ()
    twice: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[Student, ...]:
        return tuple(student for student in self.students if not self.submissions[student.id])

    @property
    def several(self) -> tuple[Student, ...]:
        return tuple(s for s in self.students if len({record.student for record in self.submissions[s.id]}) > 1)


def read_roster(path: Path) -> tuple[Student, ...]:
    """Read a roster.

    Raises:
        UserError: it cannot be read, or has no column that names people.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Name a roster with --roster.") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Spreadsheets still save in the old western code page.
        text = content.decode("cp1252", "replace")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    students = tuple(student for row in rows if (student := _student(row)))
    if not students:
        raise UserError(
            f"{path} names no students: its columns are {first.strip()!r}.",
            "It needs a line of headings with at least one of id, name, email, login.",
        )
    return students


def join(students: tuple[Student, ...] | None, records: list[Record]) -> Joined:
    """Put records to people. Without a roster, everybody who has handed in makes it."""
    if students is None:
        people = {record.student: Student(record.student, record.name) for record in records}
        by_id: dict[str, list[Record]] = {id_: [] for id_ in people}
        for record in records:
            by_id[record.student].append(record)
        return Joined(tuple(people.values()), by_id)
    lines = Counter(student.id for student in students)
    twice = tuple(id_ for id_, count in lines.items() if count > 1)
    students = tuple({student.id: student for student in reversed(students)}[id_] for id_ in lines)
    known: dict[str, list[Student]] = {}
    for student in students:
        for name in student.known_as():
            known.setdefault(name, []).append(student)
    submissions: dict[str, list[Record]] = {student.id: [] for student in students}
    unknown: list[Record] = []
    ambiguous: list[Record] = []
    for record in records:
        # The id decides; the name helps only where the source has no id that the roster knows.
        names = (record.student, record.name, squeezed(record.name))
        fits: list[Student] = next((found for name in names if (found := known.get(fold(name)))), [])
        (submissions[fits[0].id] if len(fits) == 1 else ambiguous if fits else unknown).append(record)
    return Joined(students, submissions, tuple(unknown), tuple(ambiguous), twice)


def _student(row: dict[str | None, str | list[str] | None]) -> Student | None:
    cells = {str(key).casefold().strip(): value.strip() for key, value in row.items() if isinstance(value, str)}
    found = {field: next((cells[n] for n in names if cells.get(n)), "") for field, names in COLUMNS.items()}
    name = found["name"] or " ".join(filter(None, (found["first"], found["last"])))
    # Canvas puts two lines below its headings that are nobody; Gradescope lists its staff too.
    if name.casefold() in ("points possible", "student, test") or cells.get("role", "").casefold() in STAFF:
        return None
    id_ = found["id"] or found["sis_id"] or found["login"] or found["email"] or found["participant"] or name
    if not id_:
        return None
    return Student(
        id_, name or id_, found["email"], found["login"], found["sis_id"], found["section"], found["participant"]
    )
