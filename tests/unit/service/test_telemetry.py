"""Metrics and logs: what is counted and written is what happened, and nothing about who asked."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sandbox import tools
from sandbox.service import logs
from sandbox.service.model import Model

from .conftest import Client

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(call: Client) -> Samples:
    families = text_string_to_metric_families(call("GET", "/metrics").text)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(found: Samples, name: str, /, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_requests_are_counted_by_method_route_and_status(call: Client, flight: dict[str, Any]) -> None:
    for _ in range(3):
        call("POST", "/predict", json=flight)
    call("POST", "/predict", json={})
    found = samples(call)
    assert value(found, "http_requests_total", method="POST", route="/predict", status="200") == 3
    assert value(found, "http_requests_total", method="POST", route="/predict", status="422") == 1
    assert value(found, "http_request_duration_seconds_count", method="POST", route="/predict") == 4
    assert value(found, "http_requests_in_flight") == 1, "the request for the metrics itself"


def test_predictions_and_their_probabilities_are_counted_one_by_one_and_in_lists(
    call: Client, july: list[dict[str, Any]]
) -> None:
    answers = [call("POST", "/predict", json=flight).json() for flight in july[:10]]
    answers += call("POST", "/predict", json=july[10:]).json()
    late = sum(answer["late"] for answer in answers)
    found = samples(call)
    assert value(found, "predictions_total", late="true") == late > 0
    assert value(found, "predictions_total", late="false") == 300 - late
    assert value(found, "prediction_probability_count") == 300
    assert value(found, "prediction_probability_sum") == pytest.approx(sum(a["probability"] for a in answers))
    for bound in (0.1, 0.2, 0.3, 0.5, 1.0):
        under = sum(answer["probability"] <= bound for answer in answers)
        assert value(found, "prediction_probability_bucket", le=str(bound)) == under


def test_the_model_and_the_process_are_told(call: Client, model: Model) -> None:
    found = samples(call)
    told = {"name": "flight-delay", "version": model.card.version, "format": "onnx"}
    assert value(found, "model_info", **told) == 1
    assert value(found, "process_resident_memory_bytes") > 10_000_000


def test_what_clients_invent_makes_no_new_series(call: Client) -> None:
    call("GET", "/healthz")
    samples(call)  # which is a series of its own from now on
    before = set(samples(call))
    for i in range(20):
        call("GET", f"/invented/{i}")
        call(f"INVENTED{i}", "/healthz")
    added = [dict(labels) for name, labels in set(samples(call)) - before if name == "http_requests_total"]
    assert sorted((labels["method"], labels["route"]) for labels in added) == [("GET", "other"), ("other", "/healthz")]


@pytest.mark.needs("promtool")
def test_promtool_accepts_the_metrics(call: Client, july: list[dict[str, Any]]) -> None:
    call("POST", "/predict", json=july)
    promtool = tools.find("promtool")
    assert promtool is not None
    checked = subprocess.run(
        [str(promtool.path), "check", "metrics"], input=call("GET", "/metrics").content, capture_output=True
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_a_log_line_is_in_elastic_common_schema(
    call: Client, lines: list[dict[str, Any]], model: Model, flight: dict[str, Any]
) -> None:
    answer = call("POST", "/predict", json=flight)
    (line,) = lines
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["@timestamp"])
    assert (line["log.level"], line["ecs.version"]) == ("info", logs.ECS_VERSION)
    assert line["message"] == "POST /predict 200"
    assert line["http"] == {
        "request": {"id": answer.headers["x-request-id"], "method": "POST"},
        "response": {"status_code": 200},
    }
    assert line["url"] == {"path": "/predict"}
    assert line["event"]["outcome"] == "success" and line["event"]["duration"] > 0
    assert line["labels"] == {"model_version": model.card.version}


def test_refusals_are_logged_as_failures(call: Client, lines: list[dict[str, Any]]) -> None:
    call("POST", "/predict", json={})
    assert lines[0]["event"]["outcome"] == "failure"
    assert lines[0]["http"]["response"]["status_code"] == 422


def test_nothing_personal_is_logged(call: Client, lines: list[dict[str, Any]], flight: dict[str, Any]) -> None:
    headers = {"authorization": "Bearer secret-1", "cookie": "secret-2", "user-agent": "secret-3"}
    call("POST", "/predict?token=secret-4", json=flight, headers=headers)
    call("POST", "/predict", content=b"secret-5")
    written = json.dumps(lines)
    assert "secret" not in written and "127.0.0.1" not in written and "1745" not in written


def test_a_path_cannot_forge_a_line(call: Client, lines: list[dict[str, Any]]) -> None:
    call("GET", '/x%0A%7B"log.level":"error"%7D' + "y" * 1_000)
    (line,) = lines
    raw = logs.access("GET", line["url"]["path"], 404, 1, "id", "v")
    assert raw.count(b"\n") == 1
    assert len(line["url"]["path"]) == 200


def test_a_place_that_cannot_be_written_to_is_given_up(tmp_path: Any) -> None:
    class Full:
        def write(self, content: bytes) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None: ...

    path = tmp_path / "log"
    with path.open("wb") as whole:
        written = logs.Lines([Full(), whole])  # type: ignore[list-item]
        written.write(b"one\n")
        written.write(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
