"""``lab new``: the four places of a lab, each file explained, verifying as unfinished until it is written."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from sandbox.course import LAB_ID, Course, CourseError

PLACES = {
    "lab.toml": "labs/{id}/lab.toml",
    "checks.py": "labs/{id}/checks.py",
    "hints.md": "labs/{id}/hints.md",
    "starter-greeting.py": "labs/{id}/starter/greeting.py",
    "faults-example.toml": "labs/{id}/faults/example.toml",
    "solution-greeting.py": "solutions/{id}/greeting.py",
    "right-greeting.py": "tests/labs/{id}/right/other-style/greeting.py",
    "wrong-greeting.py": "tests/labs/{id}/wrong/forgets-the-name/greeting.py",
    "wrong-expect.toml": "tests/labs/{id}/wrong/forgets-the-name/expect.toml",
    "page.md": "docs/labs/{id}.md",
    "solution-page.md": "docs/solutions/{id}.md",
}


def new_lab(course: Course, name: str) -> list[Path]:
    """Make a new lab called ``NN-name``. Returns the files made.

    Raises:
        CourseError: the name has not that form, or a file of it is there already (nothing is written).
    """
    if not LAB_ID.match(name):
        raise CourseError(
            f"{name!r} is no name for a lab.", "Two digits, a dash, lower-case words: for example 15-feature-store."
        )
    targets = {template: course.root / place.format(id=name) for template, place in PLACES.items()}
    if taken := [path for path in targets.values() if path.exists()]:
        raise CourseError(f"{taken[0]} is there already.", "Choose another number or name; nothing was written.")
    if same := [lab.id for lab in course.labs if lab.number == name[:2]]:
        raise CourseError(f"The number {name[:2]} belongs to {same[0]}.", "Choose another number; nothing was written.")
    # Braces and brackets are taken: Python, TOML and the docstrings of checks use them.
    environment = Environment(
        undefined=StrictUndefined, keep_trailing_newline=True, variable_start_string="<<", variable_end_string=">>"
    )
    values = {"id": name, "number": name[:2], "title": name[3:].replace("-", " ").capitalize()}
    folder = resources.files("sandbox.grading") / "templates"
    texts = {
        path: environment.from_string((folder / template).read_text("utf-8")).render(values)
        for template, path in targets.items()
    }
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return list(texts)
