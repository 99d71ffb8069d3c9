"""The learner's Grafana dashboard, read as data: its panels, and their queries with Grafana's variables filled in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UID = "flight-delay"
DATASOURCE = "prometheus"
WITHOUT_QUERIES = {"row", "text", "news", "dashlist", "annolist", "alertlist"}
MOST_PANELS = 60

# What Grafana would fill in for a graph of some hours, scraped once a minute.
BUILT_IN = {"__rate_interval": "4m", "__interval": "1m", "__range": "1h", "__interval_ms": "60000", "__range_s": "3600"}
_EQUAL_VARIABLE = re.compile(r'(?<!~)=\s*"\$(?:\{(\w+)(?::\w+)?\}|(\w+))"')
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::\w+)?\}|(\w+))")

RISES, FALLS = 1.5, 0.5
"""A value has moved when it is above 1.5 times, or below half, of all that it was before."""


class DashboardError(Exception):
    """The file is no dashboard; the message says what is wrong."""


@dataclass(frozen=True)
class Panel:
    """One panel that shows data."""

    title: str
    unit: str
    expressions: tuple[str, ...]
    legends: tuple[str, ...]
    datasources: tuple[str, ...]
    one_value: bool


def read(text: str) -> tuple[dict[str, Any], list[Panel]]:
    """The dashboard's own table and its panels, those in rows too.

    Raises:
        DashboardError: no JSON, or no dashboard.
    """
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DashboardError(f"it is not valid JSON: {error}") from None
    if not isinstance(table, dict) or not isinstance(table.get("panels"), list):
        raise DashboardError("it has no list of panels")
    panels = [_panel(raw) for raw in _flat(table["panels"], 0) if raw.get("type") not in WITHOUT_QUERIES]
    if len(panels) > MOST_PANELS:
        raise DashboardError(f"it has {len(panels)} panels; at most {MOST_PANELS} are graded")
    return table, panels


def fill_in(expression: str) -> str:
    """The expression as Grafana would send it: intervals as numbers, variables of the dashboard as "all"."""
    filled = _EQUAL_VARIABLE.sub(lambda m: m[0] if (m[1] or m[2]) in BUILT_IN else '=~".*"', expression)
    filled = _VARIABLE.sub(lambda m: BUILT_IN.get(m[1] or m[2], ".*"), filled)
    return " ".join(filled.split())


def moved(before: Sequence[float], during: Sequence[float]) -> bool:
    """Whether values during an incident all lie outside what was seen before it."""
    if len(during) < 2 or len(before) < 2:
        return False
    return min(during) > RISES * max(before) + 1e-9 or (min(before) > 0 and max(during) < FALLS * min(before))


def _flat(panels: Any, depth: int) -> Iterator[dict[str, Any]]:
    if not isinstance(panels, list) or depth > 3:
        return
    for panel in panels:
        if isinstance(panel, dict):
            yield panel
            yield from _flat(panel.get("panels"), depth + 1)


def _panel(raw: Mapping[str, Any]) -> Panel:
    targets = [target for target in raw.get("targets") or [] if isinstance(target, dict) and not target.get("hide")]
    own = raw.get("datasource")
    defaults = _table(_table(raw.get("fieldConfig")).get("defaults"))
    return Panel(
        title=str(raw.get("title") or ""),
        unit=str(defaults.get("unit") or ""),
        expressions=tuple(str(target.get("expr") or "") for target in targets),
        legends=tuple(str(target.get("legendFormat") or "") for target in targets),
        datasources=tuple(_datasource(target.get("datasource") or own) for target in targets),
        one_value=raw.get("type") in ("table", "heatmap"),
    )


def _datasource(raw: Any) -> str:
    return str(raw.get("uid") or "") if isinstance(raw, dict) else str(raw or "")


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
