"""What the checks of this lab stand on: the running service, the replays, Alertmanager's deliveries, the dashboard."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pytest
from judge import dashboard as boards
from judge import routing
from judge.promtool import Answers, Query
from judge.replays import Replays, program, promtool
from judge.service import Running, Stage, running

from sandbox.grading import fail
from sandbox.jail import Finished, Jail, Limits


@pytest.fixture
def service(submission: Any, jail: Jail, lab: Any, rng: random.Random) -> Callable[[], AbstractContextManager[Running]]:
    """``with service() as running:`` starts the learner's service with the judge's model and store."""
    return lambda: running(jail, submission.path, lab.folder / "starter", Stage.draw(rng), rng)


@pytest.fixture
def lint(jail: Jail) -> Callable[[str], Finished]:
    """``promtool check metrics`` on a page of metrics."""
    return lambda text: promtool(jail, ["check", "metrics"], {}, stdin=text.encode())


@pytest.fixture(scope="session")
def replays(submission: Any, jail: Jail, run_seed: int) -> Replays:
    """Scenarios run through the learner's rules."""
    return Replays(jail, submission, run_seed)


@pytest.fixture
def check_rules(jail: Jail, replays: Replays) -> Callable[[], Finished]:
    """``promtool check rules`` on both rule files."""
    return lambda: promtool(jail, ["check", "rules", *replays.rules.texts], replays.rules.texts)


# --- Alertmanager ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Notification:
    """What a receiver was sent: which receiver, and the labels of the firing alerts in it."""

    to: str
    alerts: tuple[Mapping[str, str], ...]

    def names(self) -> Counter[str]:
        return Counter(alert.get("alertname", "") for alert in self.alerts)


class Deliveries:
    """A real Alertmanager in the jail with the learner's configuration."""

    def __init__(self, jail: Jail, submission: Any, driver: str) -> None:
        self._jail, self._submission, self._driver = jail, submission, driver
        self.text = submission.read("alertmanager.yml", max_bytes=100_000)

    def config(self) -> dict[str, Any]:
        try:
            return routing.read(self.text)
        except routing.ConfigError as error:
            fail(
                f"alertmanager.yml cannot be used: {error}",
                expected="a configuration that `amtool check-config` accepts",
            )

    def check(self) -> Finished:
        """``amtool check-config``."""
        return self._jail.run(
            ["/tools/amtool", "check-config", "alertmanager.yml"],
            files={"alertmanager.yml": self.text}, limits=Limits(timeout_s=20), mounts={"/tools/amtool": program("amtool")},
        )  # fmt: skip

    def timings(self) -> list[routing.Timing]:
        """The waits of every route that can reach the pager."""
        config = self.config()
        try:
            pagers = routing.pager_receivers(config)
            return [timing for timing in routing.timings(config) if timing.receiver in pagers]
        except routing.ConfigError as error:
            fail(f"alertmanager.yml cannot be used: {error}")

    def send(self, steps: Sequence[Sequence[Mapping[str, str]]], expect: int) -> list[Notification]:
        """Post alerts (label sets), step by step, and return what the receivers were sent."""
        plan = {
            "steps": [
                [{"labels": dict(labels), "annotations": {"summary": "drill"}} for labels in step] for step in steps
            ],
            "expect": expect,
        }
        try:
            text = routing.hurried(self.config())
        except routing.ConfigError as error:
            fail(f"alertmanager.yml cannot be used: {error}")
        done = self._jail.run(
            ["python", "driver.py", "/tools/alertmanager"],
            files={"alertmanager.yml": text, "driver.py": self._driver, "plan.json": json.dumps(plan)},
            limits=Limits(timeout_s=45, memory_mb=2048), mounts={"/tools/alertmanager": program("alertmanager")}, collect=["told.json"],
        )  # fmt: skip
        if "told.json" not in done.files:
            seen = [line for line in done.stderr.splitlines() if "level=error" in line or "err=" in line]
            fail(
                "Alertmanager does not start with your alertmanager.yml",
                observed="\n".join((seen or done.stderr.splitlines())[-4:]),
            )
        return [_notification(raw) for raw in json.loads(done.files["told.json"])]


def _notification(raw: Mapping[str, Any]) -> Notification:
    alerts = raw["sent"].get("alerts") or [] if isinstance(raw["sent"], dict) else []
    return Notification(
        str(raw["path"]), tuple(alert.get("labels") or {} for alert in alerts if alert.get("status") == "firing")
    )


@pytest.fixture(scope="session")
def deliveries(jail: Jail, submission: Any, lab: Any) -> Deliveries:
    """Alertmanager with the learner's configuration."""
    return Deliveries(jail, submission, (lab.folder / "judge/driver.py").read_text("utf-8"))


# --- the dashboard --------------------------------------------------------------------------------------------------


class Dashboard:
    """The learner's dashboard, and what its queries give in replays."""

    def __init__(self, submission: Any, replays: Replays) -> None:
        self._replays = replays
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._answers: dict[str, Answers] = {}
        text = submission.read("dashboards/service.json", max_bytes=1_000_000)
        try:
            self.table, self.panels = boards.read(text)
        except boards.DashboardError as error:
            fail(f"dashboards/service.json cannot be used: {error}")

    def queries(self) -> Iterator[tuple[boards.Panel, str, str]]:
        """Panel, expression as sent to Prometheus, legend."""
        for panel in self.panels:
            for expression, legend in zip(panel.expressions, panel.legends, strict=True):
                yield panel, boards.fill_in(expression), legend

    def answers(self, name: str) -> Answers:
        """Every query before and in an incident (or a calm day's event); asked once and kept."""
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._answers:
                expressions = dict.fromkeys(expression for _, expression, _ in self.queries() if expression)
                minutes = [*self.before(name), *self.during(name)]
                queries = [Query(expression, minute) for expression in expressions for minute in minutes]
                self._answers[name] = self._replays.ask(name, queries)
            return self._answers[name]

    def before(self, name: str) -> list[int]:
        """Minutes at which nothing has happened yet."""
        onset = self._replays.replay(name).onset
        return [onset - minutes for minutes in (31, 25, 19, 13, 7, 1)]

    def during(self, name: str) -> list[int]:
        """Minutes at which an incident has lasted for a while."""
        last = self._replays.replay(name).world.minutes - 1
        return [last - minutes for minutes in (12, 8, 4, 0)]

    def moves(self, name: str) -> list[str]:
        """Titles of the panels of which a value moves in an incident."""
        answers, found = self.answers(name), []
        for panel, expression, _ in self.queries():
            was, now = (_by_series(answers, expression, minutes) for minutes in (self.before(name), self.during(name)))
            if any(boards.moved(was.get(labels, []), values) for labels, values in now.items() if len(values) == 4):
                found.append(panel.title)
        return list(dict.fromkeys(found))


def _by_series(
    answers: Answers, expression: str, minutes: Sequence[int]
) -> dict[frozenset[tuple[str, str]], list[float]]:
    values: dict[frozenset[tuple[str, str]], list[float]] = {}
    for minute in minutes:
        for sample in answers.samples.get(Query(expression, minute), []):
            if sample.value == sample.value:  # not NaN
                values.setdefault(frozenset(sample.labels.items()), []).append(sample.value)
    return values


@pytest.fixture(scope="session")
def dashboard(submission: Any, replays: Replays) -> Dashboard:
    """The learner's dashboard."""
    return Dashboard(submission, replays)


@pytest.fixture(scope="session")
def at_the_same_time() -> Callable[[Sequence[Callable[[], Any]]], list[Any]]:
    """Call functions that mostly wait, all at once."""

    def call(functions: Sequence[Callable[[], Any]]) -> list[Any]:
        with ThreadPoolExecutor(max_workers=len(functions)) as pool:
            return [future.result() for future in [pool.submit(function) for function in functions]]

    return call
