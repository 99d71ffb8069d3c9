from datetime import UTC, date, datetime, timedelta

import pytest
from flightdelay import calendar, clock, distance, validation, weather

F = dict(carrier="UA", origin="EWR", dest="IAH", date="2013-01-01", sched_dep=515, distance=1400)


def test_clock():
    assert [clock.to_minutes(t) for t in (0, 2400)] == [0, 0]
    assert clock.delay_minutes(2355, 5) == 10
    assert clock.is_late(1000, 1015)
    assert clock.mean_delay([2, 3, None]) == 3


def test_calendar():
    assert calendar.calendar_features(date(2012, 3, 1)) == dict(month=3, weekday=4, day_of_year=61, weekend=False)
    days = [date(2014, 1, 1), date(2013, 12, 25)]
    assert calendar.days_to_holiday(date(2013, 12, 24), days) == 1 and days[0].year == 2014
    assert calendar.local_date(datetime(2013, 7, 5, 2, tzinfo=UTC), -4) == date(2013, 7, 4)


def test_distance():
    assert [distance.bucket(m) for m in (499, 500, 1499)] == ["short", "medium", "medium"]
    assert distance.is_distribution([0.1] * 10)


def test_weather():
    noon = datetime(2013, 1, 1, 12)
    a, b = ({"origin": o, "time": noon + timedelta(minutes=m), "temp_c": m, "wind_kmh": None} for o, m in (("JFK", 9), ("LGA", -9)))
    assert weather.nearest([a, b], noon) == b
    assert weather.features(None) == dict(temp_c=None, wind_kmh=None, weather_missing=True)
    store = weather.WeatherStore([a, b])
    assert [store.at(o, noon)["temp_c"] for o in ("JFK", "LGA")] == [9, -9]


def test_validation():
    assert validation.validate(F | {"carrier": "ua"}) == F
    with pytest.raises(validation.InvalidFlight):
        validation.validate(F | {"more": 1})
    assert validation.add_flight(F) == validation.add_flight(F) == [F]
