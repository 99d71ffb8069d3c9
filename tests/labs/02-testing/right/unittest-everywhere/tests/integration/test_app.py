"""The service with unittest."""

import unittest

from fastapi.testclient import TestClient
from flightdelay.app import create_app

GOOD = dict(carrier="B6", origin="JFK", dest="SFO", date="2013-03-01", sched_dep=1730, distance=2586)


class Scaled:
    def __init__(self, scale=0.0001):
        self.scale = scale

    def predict(self, rows):
        return [row["distance"] * self.scale for row in rows]


class Angry:
    def predict(self, rows):
        raise ValueError("secret: /etc/model")


class Service(unittest.TestCase):
    def setUp(self):
        self.client = TestClient(create_app(Scaled(), max_batch=2), raise_server_exceptions=False)

    def ask(self, *miles, client=None):
        answer = (client or self.client).post("/predict", json=[GOOD | {"distance": m} for m in miles])
        return answer.status_code, [round(p["late_probability"], 6) for p in answer.json().get("predictions", [])]

    def test_order(self):
        self.assertEqual(self.ask(100, 5000), (200, [0.01, 0.5]))

    def test_second_request(self):
        self.ask(100)
        self.assertEqual(self.ask(200), (200, [0.02]))

    def test_limit(self):
        self.assertEqual(self.ask(1, 2)[0], 200)
        self.assertEqual(self.ask(1, 2, 3)[0], 413)

    def test_bad_flight(self):
        answer = self.client.post("/predict", json=GOOD | {"origin": "XXX"})
        self.assertEqual(answer.status_code, 422)
        self.assertEqual(answer.json()["errors"][0]["field"], "origin")

    def test_crash(self):
        answer = TestClient(create_app(Angry()), raise_server_exceptions=False).post("/predict", json=GOOD)
        self.assertEqual(answer.status_code, 500)
        self.assertNotIn("secret", answer.text)
        self.assertNotIn("Traceback", answer.text)

    def test_two_apps(self):
        other = TestClient(create_app(Scaled(0.0002)))
        self.assertEqual(self.ask(1000), (200, [0.1]))
        self.assertEqual(self.ask(1000, client=other), (200, [0.2]))
