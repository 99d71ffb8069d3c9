from datetime import date

from flightdelay.calendar import calendar_features
from flightdelay.clock import delay_minutes, is_late, to_minutes
from flightdelay.distance import bucket, to_km


def test_clock():
    assert to_minutes(517) == 317
    assert delay_minutes(1200, 1230) == 30
    assert is_late(1200, 1300)


def test_calendar():
    assert calendar_features(date(2013, 7, 4))["weekday"] == 4


def test_distance():
    assert to_km(100) == 160.9
    assert bucket(1000) == "medium"
