from fastapi.testclient import TestClient
from flightdelay.app import create_app

F = dict(carrier="UA", origin="EWR", dest="IAH", date="2013-01-01", sched_dep=515, distance=1400)


class Model:
    def __init__(self, scale):
        self.scale = scale

    def predict(self, rows):
        return [row["distance"] / self.scale for row in rows]


def test_service():
    one, two, bad = (TestClient(create_app(Model(scale), 2)) for scale in (10000, 5000, 0))
    for client, scale in ((one, 10000), (two, 5000)):
        for _ in range(2):
            answer = client.post("/predict", json=[F | {"distance": 100}, F | {"distance": 1000}])
            assert answer.status_code == 200
            assert [row["late_probability"] for row in answer.json()["predictions"]] == [100 / scale, 1000 / scale]
    assert one.post("/predict", json={}).status_code == 422
    assert bad.post("/predict", json=F).json() == {"error": "internal error"}
