"""What the site shows of each lab, made from its ``lab.toml``: the page's head, the board and the map.

All text that comes from a file is escaped; the results are HTML fragments for a Markdown page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from sandbox.course import LabSpec, read_spec

ABILITIES_HEADING = "After this lab you can"


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


def _links(ids: Sequence[str], specs: Mapping[str, LabSpec], none: str) -> str:
    """Links to other labs' pages from a lab's page; an id without a lab of its own is left as text."""
    if not ids:
        return none
    return ", ".join(
        f'<a href="{escape(name)}.html">{escape(name[:2])} {escape(specs[name].title)}</a>'
        if name in specs
        else escape(name)
        for name in ids
    )


def head(spec: LabSpec, specs: Mapping[str, LabSpec]) -> str:
    """The box under a lab page's title: who, how long, what it needs, what comes before and after."""
    extra = f" and the extra <code>{escape(spec.extra)}</code>" if spec.extra else ""
    needs = ", ".join(f"<code>{escape(tool)}</code>" for tool in spec.needs) or "nothing beyond the course"
    optional = "".join(f", <code>{escape(tool)}</code> for one part" for tool in spec.optional)
    rows = {
        "For": escape(spec.audience),
        "Time": length(spec.minutes),
        "Level": spec.level,
        "Needs": needs + optional + extra,
        "Before": _links(spec.before, specs, "nothing"),
        "Next": _links(spec.after, specs, "your choice"),
    }
    cells = "".join(f"<div><dt>{term}</dt><dd>{text}</dd></div>" for term, text in rows.items())
    return (
        f'<p class="lab-summary">{escape(spec.summary)}</p>\n'
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

    Raises:
        ValueError: the labs come before one another in a ring.
    """
    if name in seen:
        raise ValueError(f"{' → '.join(sorted(seen))} come before one another")
    before = [earlier for earlier in specs[name].before if earlier in specs]
    return max((depth(earlier, specs, seen | {name}) + 1 for earlier in before), default=0)


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
    before = ", ".join(name[:2] for name in spec.before if name in specs)
    after = f"after {before}" if before else "start here"
    return (
        f'<li class="lab-card lab-card--{spec.level}" data-lab="{escape(spec.id)}"><a href="{escape(spec.id)}.html">'
        f'<span class="lab-card__number">{spec.id[:2]}</span> {escape(spec.title)}</a>'
        f"<p>{escape(spec.summary)}</p>"
        f'<p class="lab-card__facts">{length(spec.minutes)} · {spec.level} · {after}</p></li>'
    )
