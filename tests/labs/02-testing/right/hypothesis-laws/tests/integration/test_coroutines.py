"""The service, asked by coroutines of unittest."""

import unittest
from unittest.mock import Mock

import httpx
from flightdelay.app import create_app

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "date": "2013-01-01", "sched_dep": 515, "distance": 1400}


class Service(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.model = Mock(spec=["predict"])
        self.model.predict.side_effect = lambda rows: [row["distance"] / 10_000 for row in rows]
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=create_app(self.model, max_batch=2)), base_url="http://service"
        )
        self.addAsyncCleanup(self.client.aclose)

    async def test_batch(self):
        answer = await self.client.post("/predict", json=[FLIGHT, FLIGHT | {"distance": 5000}])
        self.assertEqual(answer.status_code, 200)
        self.assertEqual([row["late"] for row in answer.json()["predictions"]], [False, True])
        self.model.predict.assert_called_once()

    async def test_a_wrong_flight_never_meets_the_model(self):
        answer = await self.client.post("/predict", json=[FLIGHT | {"sched_dep": 1275}])
        self.assertEqual(answer.status_code, 422)
        self.model.predict.assert_not_called()

    async def test_secrets_stay(self):
        self.model.predict.side_effect = OSError("/srv/secret")
        answer = await self.client.post("/predict", json=FLIGHT)
        self.assertEqual((answer.status_code, answer.json()), (500, {"error": "internal error"}))
