"""What the service answers, and how it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.service.api import create_app
from sandbox.service.features import Matrix, matrix, row
from sandbox.service.model import Model, Probabilities
from sandbox.service.schema import Flight
from sandbox.service.telemetry import MOST_BYTES

from .conftest import FLIGHT, Client

JSON = {"content-type": "application/json"}


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem document of an answer, which must be one and say the same as the answer's head."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["title"] and problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    return problem


def test_one_flight(call: Client, model: Model, flight: dict[str, Any]) -> None:
    answer = call("POST", "/predict", json=flight)
    expected = model.predict(matrix([row(Flight(**flight))])).item()
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "late": expected >= model.card.threshold,
        "probability": expected,
        "model_version": model.card.version,
    }


def test_a_list_is_answered_in_its_order(call: Client, july: list[dict[str, Any]]) -> None:
    listed = call("POST", "/predict", json=july).json()
    alone = [call("POST", "/predict", json=flight).json() for flight in july[:20]]
    assert listed[:20] == alone
    assert call("POST", "/predict", json=july[::-1]).json() == listed[::-1]


def test_a_list_of_a_thousand_is_answered_and_one_more_is_not(call: Client, july: list[dict[str, Any]]) -> None:
    thousand = (july * 4)[:1000]
    assert len(call("POST", "/predict", json=thousand).json()) == 1000
    problem = is_problem(call("POST", "/predict", json=[*thousand, july[0]]), 422)
    assert "1000" in problem["detail"]


def test_the_route_and_the_shortcut_give_the_same_bytes(model: Model, july: list[dict[str, Any]]) -> None:
    route, shortcut = (Client(create_app(model, shortcut=taken)) for taken in (False, True))
    bodies: list[Any] = [july[0], july[:7], [], {}, [july[0], {**july[1], "day": 99}], "no flight"]
    for body in bodies:
        one, two = (call("POST", "/predict", json=body, headers={"x-request-id": "same"}) for call in (route, shortcut))
        assert (one.status_code, one.content) == (two.status_code, two.content)
        assert one.headers == two.headers


def test_unknown_readings_may_be_left_out_or_null(call: Client, flight: dict[str, Any]) -> None:
    weather = ("temp", "humid", "wind_speed", "precip", "pressure", "visib")
    without = {name: value for name, value in flight.items() if name not in weather}
    null = flight | dict.fromkeys(weather)
    assert call("POST", "/predict", json=without).json() == call("POST", "/predict", json=null).json()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"carrier": "ZZ"}, "carrier"),
        ({"carrier": None}, "carrier"),
        ({"origin": "ewr"}, "origin"),
        ({"dest": ["ORD"]}, "dest"),
        ({"month": 13}, "month"),
        ({"month": "7"}, "month"),
        ({"day": 0}, "day"),
        ({"month": 2, "day": 29}, "day"),
        ({"month": 2, "day": 30, "year": 2012}, "day"),
        ({"sched_dep_time": 1760}, "sched_dep_time"),
        ({"sched_dep_time": 2400}, "sched_dep_time"),
        ({"distance": 0}, "distance"),
        ({"distance": 719.5}, "distance"),
        ({"distance": True}, "distance"),
        ({"distance": 10**30}, "distance"),
        ({"temp": "warm"}, "temp"),
        ({"temp": 1e308}, "temp"),
        ({"humid": 101}, "humid"),
        ({"arr_delay": 30}, "arr_delay"),
    ],
)
def test_a_refusal_names_the_field(call: Client, flight: dict[str, Any], change: dict[str, Any], field: str) -> None:
    one = is_problem(call("POST", "/predict", json=flight | change), 422)
    assert [error["field"] for error in one["errors"]] == [field]
    assert one["detail"].startswith(f"{field}: ")
    listed = is_problem(call("POST", "/predict", json=[flight, flight, flight | change]), 422)
    assert [error["field"] for error in listed["errors"]] == [f"2.{field}"]


def test_a_leap_day_exists_in_a_leap_year(call: Client, flight: dict[str, Any]) -> None:
    assert call("POST", "/predict", json=flight | {"year": 2012, "month": 2, "day": 29}).status_code == 200


def test_a_missing_field_is_named(call: Client, flight: dict[str, Any]) -> None:
    del flight["origin"]
    problem = is_problem(call("POST", "/predict", json=flight), 422)
    assert problem["errors"] == [{"field": "origin", "message": "Field required"}]


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"[]", b"{}", b"null", b"1", b'"x"', b"{", b"[[]]", b"[[1,2],[3]]", b"[1,2,3]", b"\xff\xfe", b"\x00",
        b"[" * 100_000, b'{"a":' * 50_000, b'{"carrier": "\\ud800"}', b"[null]", b"[{}, 3]",
        json.dumps(FLIGHT).replace("84.2", "NaN").encode(), json.dumps(FLIGHT).replace("84.2", "-Infinity").encode(),
        json.dumps(FLIGHT).replace("719", "7" * 5_000).encode(), json.dumps(FLIGHT).encode() + b"{}",
    ],
    ids=lambda body: repr(body[:16]),
)  # fmt: skip
def test_what_is_no_flight_is_refused(call: Client, body: bytes) -> None:
    problem = is_problem(call("POST", "/predict", content=body, headers=JSON), 422)
    assert problem["errors"]
    assert len(problem["detail"]) < 1_000


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*FLIGHT, "x"]), inner, max_size=5),
    max_leaves=12,
)
ALMOST_FLIGHTS = st.builds(
    lambda changes: FLIGHT | changes, st.dictionaries(st.sampled_from([*FLIGHT, "x"]), JSON_VALUES, max_size=3)
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=60) | (JSON_VALUES | ALMOST_FLIGHTS | st.lists(ALMOST_FLIGHTS)).map(json.dumps))
def test_nothing_that_a_client_sends_gives_a_500(call: Client, body: bytes | str) -> None:
    answer = call("POST", "/predict", content=body.encode() if isinstance(body, str) else body, headers=JSON)
    if answer.status_code != 200:
        is_problem(answer, 422)


def test_a_refused_request_fails_none_that_came_with_it(call: Client, july: list[dict[str, Any]]) -> None:
    requests: list[Any] = list(july[:30])
    requests[4], requests[17] = {**july[4], "temp": "hot"}, [july[17], {}]
    answers = call.together(*(("POST", "/predict", {"json": body}) for body in requests))
    assert [i for i, answer in enumerate(answers) if answer.status_code != 200] == [4, 17]
    expected = call("POST", "/predict", json=july[:30]).json()
    assert all(answers[i].json() == expected[i] for i in range(30) if i not in (4, 17))


def test_a_body_over_the_limit_is_413_told_or_not(call: Client) -> None:
    at_limit = call("POST", "/predict", content=b" " * MOST_BYTES, headers=JSON)
    is_problem(at_limit, 422)
    over = b" " * (MOST_BYTES + 1)
    is_problem(call("POST", "/predict", content=over, headers=JSON), 413)

    async def chunks() -> Any:
        for start in range(0, len(over), 100_000):
            yield over[start : start + 100_000]

    for path in ("/predict", "/v2/models/flight-delay/infer"):
        is_problem(call("POST", path, content=chunks(), headers=JSON), 413)


def test_a_compressed_body_is_refused_in_words(call: Client) -> None:
    answer = call("POST", "/predict", content=b"\x1f\x8b", headers={"content-encoding": "gzip"})
    assert "compressed" in is_problem(answer, 415)["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/predict", 405), ("DELETE", "/model", 405), ("GET", "/v2/models/other", 404)],
)
def test_wrong_paths_and_methods_are_problems_too(call: Client, method: str, path: str, status: int) -> None:
    problem = is_problem(call(method, path), status)
    assert problem["instance"] == path


@pytest.mark.parametrize("given", ["a", "0190-ab.CD_ef", "x" * 128])
def test_a_request_id_comes_back(call: Client, lines: list[dict[str, Any]], given: str) -> None:
    assert call("GET", "/healthz", headers={"x-request-id": given}).headers["x-request-id"] == given
    assert lines[-1]["http"]["request"]["id"] == given


@pytest.mark.parametrize("given", ["", "x" * 129, 'a"b', "a b", "é", '{"log.level":"error"}'])
def test_an_unsafe_request_id_is_replaced(call: Client, lines: list[dict[str, Any]], given: str) -> None:
    answered = call("GET", "/healthz", headers={"x-request-id": given.encode()}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", answered)
    assert lines[-1]["http"]["request"]["id"] == answered


def test_the_card_is_the_model_s(call: Client, model: Model) -> None:
    card = call("GET", "/model").json()
    assert card == json.loads(model.card.model_dump_json())
    assert {"auc", "log_loss", "by_carrier", "by_origin", "calibration"} <= set(card["metrics"])


def test_health(call: Client) -> None:
    assert call("GET", "/healthz").json() == {"status": "ok"}
    assert call("GET", "/readyz").json() == {"status": "ready"}


class _Broken:
    def __init__(self, answer: Callable[[Matrix], Probabilities]) -> None:
        self.predict = answer


def _raises(_: Matrix) -> Probabilities:
    raise RuntimeError("secret of the model's author")


@pytest.mark.parametrize(
    "answer", [_raises, lambda rows: np.full(len(rows), np.nan), lambda rows: np.full(len(rows), 7)]
)
def test_a_broken_model_is_not_ready_and_its_failure_is_a_problem_without_its_secrets(
    model: Model, flight: dict[str, Any], answer: Callable[[Matrix], Probabilities]
) -> None:
    broken = Client(create_app(replace(model, predictor=_Broken(answer))))
    assert broken("GET", "/healthz").status_code == 200
    is_problem(broken("GET", "/readyz"), 503)
    is_problem(broken("GET", "/v2/health/ready"), 503)
    for body in (flight, [flight, flight]):
        failed = broken("POST", "/predict", json=body)
        is_problem(failed, 500)
        assert "secret" not in failed.text


def test_the_openapi_document_is_whole(app: FastAPI, call: Client) -> None:
    document = call("GET", "/openapi.json").json()
    assert document["components"]["schemas"]["Flight"]["additionalProperties"] is False
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])
    assert {"/predict", "/model", "/healthz", "/readyz", "/metrics", "/v2/models/flight-delay/infer"} <= set(
        document["paths"]
    )
