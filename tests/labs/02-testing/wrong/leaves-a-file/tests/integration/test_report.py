"""Writes its report next to itself."""

import json
from pathlib import Path

from flightdelay.distance import bucket

REPORT = Path(__file__).with_name("report.json")


def test_report_is_new():
    assert not REPORT.exists()
    REPORT.write_text(json.dumps({"bucket": bucket(500)}))
    assert json.loads(REPORT.read_text()) == {"bucket": "medium"}
