"""The service from outside, with a model that a test can reckon with."""

import pytest
from fastapi.testclient import TestClient
from flightdelay.app import create_app

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "date": "2013-01-01", "sched_dep": 515, "distance": 1400}


class DistanceModel:
    """The longer, the later: 1400 miles give 0.14."""

    def __init__(self):
        self.calls = []

    def predict(self, rows):
        self.calls.append(list(rows))
        return [row["distance"] / 10_000 for row in rows]


class BrokenModel:
    def predict(self, rows):
        raise RuntimeError("the secret path of the model")


class FixedModel:
    def __init__(self, probability):
        self.probability = probability

    def predict(self, rows):
        return [self.probability] * len(rows)


@pytest.fixture
def model():
    return DistanceModel()


@pytest.fixture
def client(model):
    return TestClient(create_app(model, max_batch=3))


def flights(*distances):
    return [FLIGHT | {"distance": distance} for distance in distances]


def probabilities(response):
    assert response.status_code == 200
    return [row["late_probability"] for row in response.json()["predictions"]]


def test_health(client):
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_one_flight(client):
    response = client.post("/predict", json=FLIGHT)
    assert response.status_code == 200
    assert response.json() == {"predictions": [{"late_probability": 0.14, "late": False}]}


def test_the_model_gets_the_features_once(client, model):
    client.post("/predict", json=FLIGHT | {"carrier": "ua"})
    row = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "sched_dep_minutes": 315, "distance": 1400}
    row |= {"distance_bucket": "medium", "month": 1, "weekday": 2, "day_of_year": 1, "weekend": False}
    assert model.calls == [[row]]


def test_a_batch_keeps_its_order(client):
    assert probabilities(client.post("/predict", json=flights(3000, 100, 2000))) == [0.3, 0.01, 0.2]


def test_requests_do_not_remember_each_other(client):
    assert probabilities(client.post("/predict", json=flights(100, 200))) == [0.01, 0.02]
    assert probabilities(client.post("/predict", json=flights(300))) == [0.03]


@pytest.mark.parametrize(("probability", "late"), [(0.49, False), (0.5, True), (0.51, True)])
def test_late_begins_at_one_half(probability, late):
    response = TestClient(create_app(FixedModel(probability))).post("/predict", json=FLIGHT)
    assert response.json()["predictions"][0]["late"] is late


def test_batch_limit(client, model):
    assert client.post("/predict", json=flights(1, 2, 3)).status_code == 200
    assert client.post("/predict", json=flights(1, 2, 3, 4)).status_code == 413
    assert client.post("/predict", json=[]).status_code == 422
    assert len(model.calls) == 1


def test_the_limit_is_a_hundred_by_default():
    client = TestClient(create_app(DistanceModel()))
    assert client.post("/predict", json=flights(*range(1, 101))).status_code == 200
    assert client.post("/predict", json=flights(*range(1, 102))).status_code == 413


def test_bad_flights_are_the_callers_mistake(client, model):
    good, bad = FLIGHT, FLIGHT | {"origin": "BOS"}
    response = client.post("/predict", json=[good, bad, 7])
    assert response.status_code == 422
    assert [(error["index"], error["field"]) for error in response.json()["errors"]] == [(1, "origin"), (2, "")]
    assert model.calls == []


def test_unknown_field(client):
    assert client.post("/predict", json=FLIGHT | {"arr_delay": 3}).status_code == 422


def test_not_json(client):
    assert client.post("/predict", content=b"{").status_code == 400


def test_a_broken_model_tells_no_secret():
    response = TestClient(create_app(BrokenModel())).post("/predict", json=FLIGHT)
    assert (response.status_code, response.json()) == (500, {"error": "internal error"})
