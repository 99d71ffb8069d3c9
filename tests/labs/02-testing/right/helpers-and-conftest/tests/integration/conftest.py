import pytest
from fastapi.testclient import TestClient
from flightdelay.app import create_app
from helpers import Distance


@pytest.fixture
def ask():
    client = TestClient(create_app(Distance(), max_batch=3))
    return lambda body: client.post("/predict", json=body)
