"""What the site shows of each lab, made from its ``lab.toml``: the page's head, the board and the map.

All text that comes from a file is escaped; the results are HTML fragments for a Markdown page.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from sandbox.course import LabSpec, read_spec

ABILITIES_HEADING = "After this lab you can"
# A page's word for a lab, as `[drift](lab:12)`; not where it stands as code.
MENTION = re.compile(r"(?<!`)\[(?P<words>[^][]+)\]\(lab:(?P<number>\d\d)\)")
TO_COME = "(to come)"


def read_specs(labs: Path) -> dict[str, LabSpec]:
    """Every lab's specification by id, in order.

    Raises:
        CourseError: a ``lab.toml`` does not hold; names the file and the line.
    """
    return {path.parent.name: read_spec(path) for path in sorted(labs.glob("*/lab.toml"))}


def length(minutes: int) -> str:
    """``90`` → ``1 h 30 min``."""
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest))


def _inline(text: str) -> str:
    """A sentence of ``lab.toml`` as HTML: words between back-ticks become code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def way_back(spec: LabSpec) -> str:
    """The line under a solution page's title that leads to its lab."""
    return (
        f"*This page ends the exercise. The lab is [{spec.id[:2]} {spec.title}](../labs/{spec.id}.md); its hints climb one"
        " step at a time.*"
    )


def mentions(markdown: str, page: str, specs: Mapping[str, LabSpec]) -> str:
    """Make each mention of a lab a link to its page, or say that this copy of the course does not have it yet.

    Args:
        markdown: the text of a page.
        page: where that page lies in the folder of pages, as in ``concepts/careers.md``.
    """
    ids = {name[:2]: name for name in specs}

    def link(found: re.Match[str]) -> str:
        if name := ids.get(found["number"]):
            return f"[{found['words']}]({posixpath.relpath(f'labs/{name}.md', posixpath.dirname(page) or '.')})"
        return f"{found['words']} {TO_COME}"

    return MENTION.sub(link, markdown)


def _links(ids: Sequence[str], specs: Mapping[str, LabSpec], none: str) -> str:
    """Links to other labs' pages from a lab's page; an id without a lab of its own is told to be to come."""
    if not ids:
        return none
    return ", ".join(
        f'<a href="{escape(name)}.html">{escape(name[:2])} {escape(specs[name].title)}</a>'
        if name in specs
        else f"{escape(name.replace('-', ' '))} {TO_COME}"
        for name in ids
    )


def head(spec: LabSpec, specs: Mapping[str, LabSpec]) -> str:
    """The box under a lab page's title: who, how long, what it needs, what comes before and after."""
    extra = f" and the extra <code>{escape(spec.extra)}</code>" if spec.extra else ""
    needs = ", ".join(f"<code>{escape(tool)}</code>" for tool in spec.needs) or "nothing beyond the course"
    optional = "".join(f", <code>{escape(tool)}</code> for one part" for tool in spec.optional)
    rows = {
        "For": _inline(spec.audience),
        "Time": length(spec.minutes),
        "Level": spec.level,
        "Needs": needs + optional + extra,
        "Before": _links(spec.before, specs, "nothing"),
        "Next": _links(spec.after, specs, "your choice"),
    }
    cells = "".join(f"<div><dt>{term}</dt><dd>{text}</dd></div>" for term, text in rows.items())
    return (
        f'<p class="lab-summary">{_inline(spec.summary)}</p>\n'
        f'<dl class="lab-head">{cells}</dl>\n'
        f'<div class="lab-panel" data-lab="{escape(spec.id)}">'
        f"<p>Begin with <code>make begin LAB={spec.id[:2]}</code>, "
        f"check your work with <code>make check LAB={spec.id[:2]}</code>.</p></div>\n"
    )


def abilities(spec: LabSpec) -> str:
    """What the learner can do afterwards; each line is proved by at least one check."""
    lines = "\n".join(f"- {ability.text}" for ability in spec.abilities)
    return f"## {ABILITIES_HEADING}\n\n{lines}\n"


def board(specs: Mapping[str, LabSpec]) -> str:
    """The departures board of the home page: every lab, in order."""
    rows = "".join(
        f'<tr><td>{spec.id[:2]}</td><td><a href="labs/{escape(spec.id)}.html">{escape(spec.title)}</a></td>'
        f"<td>{spec.minutes} min</td><td>{spec.level}</td></tr>"
        for spec in specs.values()
    )
    return (
        '<table class="board"><caption>Labs, departing when you are ready</caption>'
        '<thead><tr><th scope="col">Lab</th><th scope="col">Destination</th><th scope="col">Time</th>'
        f'<th scope="col">Level</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def depth(name: str, specs: Mapping[str, LabSpec], seen: frozenset[str] = frozenset()) -> int:
    """How many labs deep this one stands: 0 without a lab before it, else one more than the deepest before it.

    A lab before it that is not in this copy counts as one without a lab before it.

    Raises:
        ValueError: the labs come before one another in a ring.
    """
    if name in seen:
        raise ValueError(f"{' → '.join(sorted(seen))} come before one another")
    before = specs[name].before
    return max((depth(one, specs, seen | {name}) + 1 if one in specs else 1 for one in before), default=0)


def lab_map(specs: Mapping[str, LabSpec]) -> str:
    """The map of the labs: one row for each depth, so that a lab stands below everything that it builds on."""
    levels: dict[int, list[LabSpec]] = {}
    for name, spec in specs.items():
        levels.setdefault(depth(name, specs), []).append(spec)
    rows = []
    for _, row in sorted(levels.items()):
        cards = "".join(_card(spec, specs) for spec in row)
        rows.append(f'<ul class="lab-map__row">{cards}</ul>')
    return f'<div class="lab-map">{"".join(rows)}</div>'


def _card(spec: LabSpec, specs: Mapping[str, LabSpec]) -> str:
    before = ", ".join(name[:2] if name in specs else f"{name[:2]} {TO_COME}" for name in spec.before)
    after = f"after {before}" if before else "start here"
    return (
        f'<li class="lab-card lab-card--{spec.level}" data-lab="{escape(spec.id)}"><a href="{escape(spec.id)}.html">'
        f'<span class="lab-card__number">{spec.id[:2]}</span> {escape(spec.title)}</a>'
        f"<p>{_inline(spec.summary)}</p>"
        f'<p class="lab-card__facts">{length(spec.minutes)} · {spec.level} · {after}</p></li>'
    )
