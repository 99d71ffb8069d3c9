"""Models out of unittest.mock."""

from unittest.mock import MagicMock, call, create_autospec, patch

from fastapi.testclient import TestClient
from flightdelay.app import create_app

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "date": "2013-01-01", "sched_dep": 515, "distance": 1400}


class Model:
    def predict(self, rows):
        raise NotImplementedError


def test_one_call_for_each_request():
    model = create_autospec(Model, instance=True)
    model.predict.side_effect = [[0.75, 0.25], [0.5]]
    client = TestClient(create_app(model))
    first = client.post("/predict", json=[FLIGHT, FLIGHT]).json()["predictions"]
    second = client.post("/predict", json=FLIGHT).json()["predictions"]
    assert [row["late_probability"] for row in first + second] == [0.75, 0.25, 0.5]
    assert [row["late"] for row in first + second] == [True, False, True]
    assert model.predict.call_count == 2
    (rows,) = model.predict.call_args_list[1].args
    assert len(rows) == 1 and rows[0]["sched_dep_minutes"] == 315


def test_the_caller_sees_no_secret():
    model = MagicMock()
    model.predict.side_effect = RuntimeError("password=hunter2")
    answer = TestClient(create_app(model), raise_server_exceptions=False).post("/predict", json=FLIGHT)
    assert answer.status_code == 500
    assert "hunter2" not in answer.text and list(answer.json()) == ["error"]
    assert model.mock_calls == [call.predict(model.predict.call_args.args[0])]


def test_a_model_patched_while_the_app_lives():
    model = Model()
    client = TestClient(create_app(model))
    with patch.object(model, "predict", return_value=[0.9]):
        assert client.post("/predict", json=FLIGHT).json()["predictions"][0]["late"] is True
    assert client.post("/predict", json=FLIGHT).status_code == 500
