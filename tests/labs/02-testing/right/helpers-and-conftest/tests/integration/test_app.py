from fastapi.testclient import TestClient
from flightdelay.app import create_app
from helpers import flight


class Constant:
    def __init__(self, value):
        self.value = value

    def predict(self, rows):
        if self.value is None:
            raise RuntimeError("password=1234")
        return [self.value for _ in rows]


def test_batches(ask, good):
    three = [flight(distance=d) for d in (3000, 1000, 2000)]
    answer = ask(three)
    assert [round(p["late_probability"], 3) for p in answer.json()["predictions"]] == [0.3, 0.1, 0.2]
    assert len(ask(good).json()["predictions"]) == 1
    assert ask([*three, good]).status_code == 413


def test_mistakes(ask):
    assert ask(flight(distance=-1)).status_code == 422
    assert ask(flight(gate="A")).status_code == 422


def test_a_crash_is_quiet(good):
    answer = TestClient(create_app(Constant(None))).post("/predict", json=good)
    assert answer.status_code == 500
    assert answer.json() == {"error": "internal error"}


def test_each_app_has_its_model(good):
    clients = [TestClient(create_app(Constant(value))) for value in (0.25, 0.75)]
    late = [client.post("/predict", json=good).json()["predictions"][0]["late"] for client in clients]
    assert late == [False, True]
