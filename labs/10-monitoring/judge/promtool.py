"""Replays through Prometheus' own rule evaluation: a `promtool test rules` file is written, and what it says is read.

promtool compares what it got with what it was told to expect, and prints both where they differ. The judge expects
nothing everywhere, so that everything a rule or a query yields is printed; the verdict is the judge's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from judge.simulator import SCRAPE_S, SLOT_S, World

LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
SAMPLE = re.compile(r'(\{(?:[^"{}]|"(?:[^"\\]|\\.)*")*\}) (-?[0-9.]+(?:E[+-]?[0-9]+)?|[+-]?Inf|NaN)(?:, |$)')


@dataclass(frozen=True)
class Query:
    """An expression to evaluate at a minute of the replay; ``at_s`` adds seconds."""

    expr: str
    minute: int

    def heading(self) -> str:
        return f"expr: {_go_quote(self.expr)}, time: {_go_duration(self.minute * 60)},"


@dataclass(frozen=True)
class Sample:
    """One sample of an answer."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class FiringAlert:
    """An alert as Alertmanager would get it: its labels and its annotations, with their templates filled in."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass
class Answers:
    """What a replay gave: samples by query, why a query has none where it is wrong, firing alerts by (name, minute).

    ``error`` is promtool's word where it could not run the rules at all.
    """

    samples: dict[Query, list[Sample]] = field(default_factory=dict)
    errors: dict[Query, str] = field(default_factory=dict)
    alerts: dict[tuple[str, int], list[FiringAlert]] = field(default_factory=dict)
    error: str = ""


def replay_file(
    world: World,
    rule_files: Sequence[str],
    groups: Sequence[str],
    queries: Iterable[Query] = (),
    alerts: Iterable[tuple[str, int]] = (),
    offset: int = 2,
) -> str:
    """The text of a promtool test file (JSON, which is YAML).

    Args:
        world: the replay.
        rule_files: names of the learner's rule files.
        groups: names of rule groups, in the order in which they are evaluated.
        queries: expressions to evaluate once all rules have run.
        alerts: names of alerts and minutes at which their labels and annotations are wanted.
        offset: in which 15-second slot of a minute the scrape falls, 1 to 3.
    """
    rest = SCRAPE_S // SLOT_S - 1
    series = [
        {
            "series": name,
            "values": f"_x{offset} " + f" _x{rest} ".join("_x1" if value == "_" else value for value in values),
        }
        for name, values in world.series().items()
    ]
    return json.dumps(
        {
            "rule_files": list(rule_files),
            "evaluation_interval": f"{SCRAPE_S}s",
            "group_eval_order": list(groups),
            "tests": [
                {
                    "interval": f"{SLOT_S}s",
                    "input_series": series,
                    "promql_expr_test": [
                        {"expr": q.expr, "eval_time": f"{q.minute}m", "exp_samples": []} for q in queries
                    ],
                    "alert_rule_test": [
                        {"eval_time": f"{minute}m", "alertname": name, "exp_alerts": []} for name, minute in alerts
                    ],
                }
            ],
        }
    )


def read_answers(output: str, queries: Iterable[Query] = (), alerts: Iterable[tuple[str, int]] = ()) -> Answers:
    """Read promtool's output. Text that a rule could print is quoted by promtool, so no line of it can pass for another."""
    lines = output.split("\n")
    places: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        places.setdefault(line.strip(), []).append(number)
    answers = Answers(error="; ".join(_failures(lines))[:600])
    for query in queries:
        found = places.get(query.heading(), [])
        prefix = query.heading() + " err: "
        for line in lines:
            if line.strip().startswith(prefix):
                answers.errors[query] = line.strip().removeprefix(prefix)[:300]
        got = next(
            (lines[n].strip().removeprefix("got:").strip() for at in found for n in (at + 2,) if n < len(lines)), "nil"
        )
        answers.samples[query] = [
            Sample(_labels(m[1]), float(m[2].replace("Inf", "inf"))) for m in SAMPLE.finditer(got)
        ]
    for name, minute in alerts:
        found = places.get(f"alertname: {name}, time: {_go_duration(minute * 60)},", [])
        answers.alerts[(name, minute)] = [alert for at in found for alert in _alerts(lines, at + 1)]
    return answers


def _failures(lines: list[str]) -> Iterable[str]:
    """What went wrong apart from expectations that were not met: bad rule files, rules that cannot be evaluated."""
    for number, line in enumerate(lines):
        if line.strip() == "FAILED:" and number + 1 < len(lines):
            first = lines[number + 1].strip()
            if not first.startswith(("expr: ", "alertname: ", "name: ")):
                yield first


def _alerts(lines: list[str], start: int) -> Iterable[FiringAlert]:
    labels: dict[str, str] | None = None
    for line in lines[start:]:
        text = line.strip()
        if text.startswith("Labels:"):
            labels = _labels(text)
        elif text.startswith("Annotations:") and labels is not None:
            yield FiringAlert(labels, _labels(text))
        elif text == "]" or text.startswith(("alertname:", "expr:")):
            return


def _labels(text: str) -> dict[str, str]:
    return {match[1]: _unquote(match[2]) for match in LABEL.finditer(text)}


def _unquote(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:  # Go writes some characters as \x…, which JSON has not
        return text


def _go_quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _go_duration(seconds: int) -> str:
    """A duration as promtool prints it (Prometheus' own form: ``1h40m``, ``1d``)."""
    if not seconds:
        return "0s"
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
