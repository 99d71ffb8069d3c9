"""The app of the whole folder, asked by tests that clean up."""

import httpx
import pytest


@pytest.mark.parametrize("size", [1, 5])
def test_sizes(client, app, flight, size):
    answer = client.post("/predict", json=[dict(flight)] * size)
    assert answer.json() == {"predictions": [{"late_probability": 0.25, "late": False}] * size}
    assert len(app.state.recorder.rows) == size


def test_too_many(client, app, flight):
    assert client.post("/predict", json=[dict(flight)] * 6).status_code == 413
    assert app.state.recorder.rows == []


@pytest.mark.anyio
async def test_two_at_once(app, flight):
    import asyncio

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        answers = await asyncio.gather(*(client.post("/predict", json=dict(flight)) for _ in range(4)))
    assert [len(answer.json()["predictions"]) for answer in answers] == [1] * 4
