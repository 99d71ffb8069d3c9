"""Cases come from cases.json, where a colleague without Python can add one."""

import json
from pathlib import Path

import pytest
from flightdelay import clock

CASES = json.loads(Path(__file__).with_name("cases.json").read_text())


@pytest.mark.parametrize(("hhmm", "minutes"), CASES["minutes"])
def test_minutes(hhmm, minutes):
    assert clock.to_minutes(hhmm) == minutes


@pytest.mark.parametrize(("scheduled", "actual", "minutes"), CASES["delay"])
def test_delay(scheduled, actual, minutes):
    assert clock.delay_minutes(scheduled, actual) == minutes


@pytest.mark.parametrize(("scheduled", "actual", "late"), CASES["late"])
def test_late(scheduled, actual, late):
    assert clock.is_late(scheduled, actual) == late


@pytest.mark.parametrize(("delays", "mean"), CASES["mean"])
def test_mean(delays, mean):
    assert clock.mean_delay(delays) == mean
