"""The service asked asynchronously, as its callers do."""

import asyncio

import httpx
from flightdelay.app import create_app

FLIGHT = {"carrier": "AA", "origin": "LGA", "dest": "ORD", "date": "2013-09-30", "sched_dep": 2359, "distance": 733}


class Model:
    def __init__(self, answer):
        self.answer = answer

    def predict(self, rows):
        return [self.answer(row) for row in rows]


def by_hour(row):
    return row["sched_dep_minutes"] / 1440


def boom(row):
    raise KeyError("/srv/model.bin")


def ask(*bodies, answer=by_hour):
    async def talk():
        app = create_app(Model(answer), max_batch=4)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.post("/predict", json=body) for body in bodies]

    return asyncio.run(talk())


def at(*times):
    return [FLIGHT | {"sched_dep": time} for time in times]


def numbers(response):
    assert response.status_code == 200
    return [round(item["late_probability"] * 1440) for item in response.json()["predictions"]]


def test_two_requests_one_after_the_other():
    first, second = ask(at(2200, 100, 1200), at(600))
    assert numbers(first) == [1320, 60, 720]
    assert numbers(second) == [360]


def test_sizes():
    four, five = ask(at(1, 2, 3, 4), at(1, 2, 3, 4, 5))
    assert (four.status_code, five.status_code) == (200, 413)


def test_wrong_flight():
    (response,) = ask([FLIGHT, FLIGHT | {"date": "yesterday"}])
    assert response.status_code == 422
    assert response.json()["errors"][0]["index"] == 1


def test_broken_model():
    (response,) = ask(FLIGHT, answer=boom)
    assert response.status_code == 500
    assert "model.bin" not in response.text


def test_models_are_not_shared():
    async def talk():
        answers = []
        apps = [create_app(Model(lambda row, value=value: value)) for value in (0.0, 1.0)]
        for app in apps:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
                answers.append((await client.post("/predict", json=FLIGHT)).json()["predictions"][0])
        return answers

    assert asyncio.run(talk()) == [
        {"late_probability": 0.0, "late": False},
        {"late_probability": 1.0, "late": True},
    ]
