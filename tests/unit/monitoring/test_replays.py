"""Lab 10's simulator and the reading of promtool's output."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.judges import judge_of

LAB = Path(__file__).resolve().parents[3] / "labs/10-monitoring"
SOLUTION = LAB.parents[1] / "solutions/10-monitoring"


@pytest.fixture(autouse=True)
def _lab_on_path() -> Iterator[None]:
    with judge_of("10-monitoring"):
        yield


def test_a_scenario_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    from judge.scenarios import build

    first, again, other = (build("error-burst", seed).world.series() for seed in ("1", "1", "2"))
    assert first == again
    assert first != other


def test_every_scenario_of_the_tables_can_be_built() -> None:
    import tomllib

    from judge.scenarios import CALM_DAYS, INCIDENTS, build

    for file, builders in (("incidents", INCIDENTS), ("calm_days", CALM_DAYS)):
        table = tomllib.loads((LAB / f"faults/{file}.toml").read_text("utf-8"))["fault"]
        assert [fault["name"] for fault in table] == list(builders)
        for fault in table:
            assert fault["params"].get("kin", "error-burst") in INCIDENTS
            replay = build(fault["name"], "7")
            assert replay.world.minutes > replay.onset
            if file == "incidents":
                latest = replay.deadline or replay.onset + fault["params"]["within"]
                assert replay.onset < latest < replay.world.minutes


def test_counters_only_rise_but_at_a_restart() -> None:
    from judge.scenarios import build

    replay = build("deploy-restart", "3")
    for name, values in replay.world.series().items():
        if "_total{" not in name and "_bucket{" not in name:
            continue
        numbers = [float(value) for value in values if value not in ("_", "stale")]
        falls = sum(later < earlier for earlier, later in itertools.pairwise(numbers))
        assert falls <= 1, name


def test_histogram_buckets_are_cumulative_and_end_at_the_count() -> None:
    from judge.scenarios import build

    series = build("slow-tail", "5").world.series()
    route = 'method="POST",route="/predict"'
    last = {name: float(values[-1]) for name, values in series.items() if route in name and "duration" in name}
    buckets = [value for name, value in last.items() if "_bucket" in name]
    count = next(value for name, value in last.items() if "_count" in name)
    assert buckets == sorted(buckets)
    assert buckets[-1] == count


@pytest.mark.needs("promtool")
def test_answers_are_read_as_promtool_prints_them(tmp_path: Path) -> None:
    from judge.promtool import Query, read_answers, replay_file
    from judge.scenarios import build

    (tmp_path / "rules.yml").write_text(
        """
groups:
  - name: g
    rules:
      - alert: Odd
        expr: up == 1
        labels: {severity: page, text: "a\\"b}, {c=\\"d\\"} 7"}
        annotations: {summary: "{{ $labels.job }} is {{ $value }}"}
""",
        "utf-8",
    )
    replay = build("error-burst", "1")
    shown, broken, nothing = Query("up * 1.5", 61), Query("up{", 61), Query("nosuch", 61)
    (tmp_path / "t.yml").write_text(
        replay_file(replay.world, ["rules.yml"], ["g"], [shown, broken, nothing], [("Odd", 61)])
    )
    done = subprocess.run(
        ["promtool", "test", "rules", "t.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    answers = read_answers(done.stdout + done.stderr, [shown, broken, nothing], [("Odd", 61)])
    assert [(dict(s.labels), s.value) for s in answers.samples[shown]] == [
        ({"instance": "service:8000", "job": "flight-delay"}, 1.5)
    ]
    assert answers.samples[nothing] == []
    assert "parse error" in answers.errors[broken]
    (alert,) = answers.alerts[("Odd", 61)]
    assert alert.labels["text"] == 'a"b}, {c="d"} 7'
    assert alert.annotations == {"summary": "flight-delay is 1"}
    assert answers.error == ""


def test_a_rule_that_cannot_be_evaluated_is_told() -> None:
    from judge.promtool import read_answers

    output = "  FAILED:\n    rule: x, time: 0s, err: many-to-many matching not allowed\n"
    assert "many-to-many" in read_answers(output).error


def test_waits_are_shortened_and_nothing_else() -> None:
    import yaml
    from judge import routing

    config = routing.read((SOLUTION / "alertmanager.yml").read_text("utf-8"))
    quick = yaml.safe_load(routing.hurried(config))
    assert quick["route"]["group_wait"] == "1s"
    assert quick["route"]["routes"][0]["group_interval"] == "2s"
    assert quick["route"]["routes"][0]["repeat_interval"] == "4h"
    assert quick["inhibit_rules"] == config["inhibit_rules"]
    assert {t.receiver: t.group_wait_s for t in routing.timings(config)} == {"queue": 30.0, "pager": 30.0}
    assert routing.pager_receivers(config) == {"pager"}


@pytest.mark.parametrize("text", ["", "route: 7", "a: [", "- 1"])
def test_what_is_no_alertmanager_configuration_is_refused(text: str) -> None:
    from judge import routing

    with pytest.raises(routing.ConfigError):
        routing.read(text)


def test_routes_that_contain_themselves_are_refused() -> None:
    from judge import routing

    config = routing.read("route: &r\n  receiver: a\n  routes: [*r]\n")
    with pytest.raises(routing.ConfigError, match="nested"):
        routing.hurried(config)


@pytest.mark.parametrize(
    ("expression", "filled"),
    [
        ("rate(x[$__rate_interval])", "rate(x[4m])"),
        ('up{job="$job"}', 'up{job=~".*"}'),
        ('up{job=~"$job", a!~"${b:regex}"}', 'up{job=~".*", a!~".*"}'),
        ("a\n  + b[${__range}]", "a + b[1h]"),
    ],
)
def test_variables_of_grafana_are_filled_in(expression: str, filled: str) -> None:
    from judge.dashboard import fill_in

    assert fill_in(expression) == filled


def test_a_value_moves_when_it_leaves_what_it_was() -> None:
    from judge.dashboard import moved

    assert moved([1, 1.2, 0.9], [2, 2.5])
    assert moved([1, 1.2, 0.9], [0.1, 0.2])
    assert not moved([1, 1.2, 0.9], [1.3, 2.5])
    assert not moved([0, 0, 0], [0, 0])
    assert not moved([], [5, 5])


def test_counters_that_fall_are_found() -> None:
    from judge.exposition import read

    page = '# TYPE a_total counter\na_total{{x="1"}} {}\n# TYPE g gauge\ng {}\n'
    before, after = read(page.format(5, 9)), read(page.format(4, 1))
    assert before.falls(after) == ['a_total{x="1"}']
    assert before.falls(before) == []


def test_the_solution_board_is_json_with_the_contracts_uid() -> None:
    table = json.loads((SOLUTION / "dashboards/service.json").read_text("utf-8"))
    assert table["uid"] == "flight-delay"
    assert all(panel["title"] for panel in table["panels"])
