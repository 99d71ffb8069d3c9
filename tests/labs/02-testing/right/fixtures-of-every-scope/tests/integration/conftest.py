"""One app for a module, one client for a test."""

import pytest
from fastapi.testclient import TestClient
from flightdelay.app import create_app


class Recorder:
    def __init__(self):
        self.rows = []

    def predict(self, rows):
        self.rows.extend(rows)
        return [0.25] * len(rows)


@pytest.fixture(scope="package")
def app():
    recorder = Recorder()
    made = create_app(recorder, max_batch=5)
    made.state.recorder = recorder
    return made


@pytest.fixture
def client(app):
    app.state.recorder.rows.clear()
    with TestClient(app, base_url="http://service") as client:
        yield client


@pytest.fixture
def anyio_backend():
    return "asyncio"
