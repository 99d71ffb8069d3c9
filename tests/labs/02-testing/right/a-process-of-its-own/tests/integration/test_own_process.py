"""One conversation with the service in a process of its own."""

import json
import subprocess
import sys

PROGRAM = """
import json
from fastapi.testclient import TestClient
from flightdelay.app import create_app

class Model:
    def predict(self, rows):
        return [0.5 for _ in rows]

flight = dict(carrier="UA", origin="EWR", dest="IAH", date="2013-01-01", sched_dep=515, distance=1400)
print(json.dumps(TestClient(create_app(Model())).post("/predict", json=flight).json()))
"""


def test_conversation(tmp_path):
    script = tmp_path / "talk.py"
    script.write_text(PROGRAM)
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script.read_text()], capture_output=True, text=True, timeout=25
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == {"predictions": [{"late_probability": 0.5, "late": True}]}
