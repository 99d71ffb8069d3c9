"""Whole answers, kept as files beside the tests."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from flightdelay.app import create_app

KEPT = sorted((Path(__file__).parent / "snapshots").glob("*.json"))


class Model:
    def predict(self, rows):
        return [row["sched_dep_minutes"] / 1440 for row in rows]


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_as_kept(path):
    kept = json.loads(path.read_text("utf-8"))
    answer = TestClient(create_app(Model())).post("/predict", json=kept["request"])
    body = answer.json()
    for error in body.get("errors", []):
        error["problem"] = "?"
    body.get("errors", []).sort(key=lambda error: (error["index"], error["field"]))
    assert {"status": answer.status_code, "body": body} == kept["answer"]
