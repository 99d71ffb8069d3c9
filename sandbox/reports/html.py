"""One result as a page of its own: no request to another host, every text escaped."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, StrictUndefined, Template

from sandbox.grading.results import LabResult
from sandbox.reports.terminal import SIGNS, points


@cache
def _template() -> Template:
    text = (resources.files("sandbox.reports") / "result.html.jinja").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["points"] = points
    return environment.from_string(text)


def render(result: LabResult, *, title: str, student: str = "", note: str = "") -> str:
    """The page as text; ``student`` and ``note``, a sentence below the points, are shown where they are given."""
    return _template().render(
        result=result, title=title, student=student, note=note, signs={k: v[0] for k, v in SIGNS.items()}
    )
