"""Replays of one submission's rules, each run once and kept: several checks look at the same one."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from judge.promtool import Answers, FiringAlert, Query, read_answers, replay_file
from judge.scenarios import WARM_UP_MIN, Replay, build
from sandbox.grading import Blocked, fail
from sandbox.jail import Finished, Jail, Limits
from sandbox.tools import ToolMissing, require
from sandbox.workspace import Submission

RULE_FILES = ("rules/recording.yml", "rules/alerts.yml")
LIMITS = Limits(timeout_s=30, memory_mb=1536)
FIRST_FIRING = 'min by (alertname, severity) (min_over_time(timestamp(ALERTS{alertstate="firing"})[%dm:1m]))'


@dataclass(frozen=True)
class Firing:
    """An alert that fired in a replay: its name, its severity and the minute of its first firing."""

    name: str
    severity: str
    minute: int

    def __str__(self) -> str:
        return f"{self.name} ({self.severity or 'no severity'}, minute {self.minute})"


class Rules:
    """The learner's rule files, read as data."""

    def __init__(self, submission: Submission) -> None:
        self.texts = {name: submission.read(name, max_bytes=200_000) for name in RULE_FILES}
        self.groups: list[str] = []
        self.rules: list[dict[str, Any]] = []
        for name, text in self.texts.items():
            try:
                table = yaml.safe_load(text)
                groups = [group for group in (table or {}).get("groups") or [] if isinstance(group, dict)]
            except (yaml.YAMLError, AttributeError, TypeError, RecursionError) as error:
                fail(f"{name} is not a valid rule file", observed=str(error).splitlines()[0])
            for group in groups:
                self.groups.append(str(group.get("name")))
                self.rules += [rule for rule in group.get("rules") or [] if isinstance(rule, dict)]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return [rule for rule in self.rules if "alert" in rule]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [rule for rule in self.rules if "record" in rule]


class Replays:
    """Runs scenarios through promtool in the jail, with the submission's rules."""

    def __init__(self, jail: Jail, submission: Submission, seed: int) -> None:
        self._jail, self._submission, self._seed = jail, submission, seed
        self._rules: Rules | None = None
        self._stopped = ""
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._drawn: dict[str, Replay] = {}
        self._fired: dict[str, tuple[list[Firing], list[FiringAlert]]] = {}

    @property
    def rules(self) -> Rules:
        with self._lock:
            if self._rules is None:
                self._rules = Rules(self._submission)
            return self._rules

    def replay(self, name: str) -> Replay:
        """The scenario as drawn for this run."""
        with self._lock:
            if name not in self._drawn:
                self._drawn[name] = build(name, str(self._seed))
            return self._drawn[name]

    def fired(self, name: str) -> list[Firing]:
        """Which alerts fired in a scenario after its warm-up, the first first."""
        return self._run(name)[0]

    def firing(self, name: str) -> list[FiringAlert]:
        """The alerts that fire at the end of a scenario, with their annotations filled in."""
        return self._run(name)[1]

    def _run(self, name: str) -> tuple[list[Firing], list[FiringAlert]]:
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._fired:
                last = self.replay(name).world.minutes - 1
                query = Query(FIRST_FIRING % (last - WARM_UP_MIN), last)
                alerts = dict.fromkeys((str(rule["alert"]), last) for rule in self.rules.alerts)
                answers = self.ask(name, [query], list(alerts))
                fired = [
                    Firing(s.labels.get("alertname", ""), s.labels.get("severity", ""), round(s.value / 60))
                    for s in answers.samples[query]
                ]
                firing = [alert for found in answers.alerts.values() for alert in found]
                self._fired[name] = (sorted(fired, key=lambda one: (one.minute, one.name)), firing)
            return self._fired[name]

    def ask(self, name: str, queries: Sequence[Query] = (), alerts: Sequence[tuple[str, int]] = ()) -> Answers:
        """Run a scenario and answer queries about it."""
        # The scrape falls into the same part of a minute for all of a scenario, and into another for the next run's.
        offset = 1 + (self._seed + len(name)) % 3
        text = replay_file(self.replay(name).world, RULE_FILES, self.rules.groups, queries, alerts, offset)
        if not self._stopped:
            done = promtool(self._jail, ["test", "rules", "replay.yml"], {**self.rules.texts, "replay.yml": text})
            if done.limit or done.exit_status not in (0, 1):
                # Rules that are too dear in one replay are so in all: the others need not be waited for.
                self._stopped = f"stopped by its limit ({done.limit or 'unknown'}) in the replay {name}"
        if self._stopped:
            fail(
                "your rules could not be replayed: evaluating a few hours took more than they may",
                observed=self._stopped,
                expected=f"less than {LIMITS.timeout_s:.0f} s and {LIMITS.memory_mb} MiB",
            )
        answers = read_answers(done.output, queries, alerts)
        if answers.error:
            fail(
                "promtool could not evaluate your rules",
                observed=answers.error,
                expected="rules that `promtool test rules` accepts",
            )
        return answers


def promtool(jail: Jail, arguments: Sequence[str], files: Mapping[str, str], stdin: bytes | None = None) -> Finished:
    """Run promtool in the jail.

    Raises:
        Blocked: it is not on this machine.
    """
    return jail.run(
        ["/tools/promtool", *arguments],
        files=dict(files),
        stdin=stdin,
        limits=LIMITS,
        mounts={"/tools/promtool": program("promtool")},
    )


def program(name: str) -> Path:
    """The real file of a tool.

    Raises:
        Blocked: it is not on this machine.
    """
    try:
        return require(name).path.resolve()
    except ToolMissing as missing:
        raise Blocked(name, missing.how) from None
