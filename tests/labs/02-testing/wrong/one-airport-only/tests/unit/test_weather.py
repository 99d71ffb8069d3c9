"""The weather join: gaps, draws, missing values, two airports."""

from datetime import datetime, timedelta

import pytest
from flightdelay.weather import WeatherStore, features, nearest

NOON = datetime(2013, 1, 1, 12)


def observation(minutes, origin="JFK", temp_c=3.5, wind_kmh=20.0):
    return {"origin": origin, "time": NOON + timedelta(minutes=minutes), "temp_c": temp_c, "wind_kmh": wind_kmh}


def test_nearest_of_an_unsorted_list():
    rows = [observation(50), observation(-40), observation(10), observation(-20)]
    before = list(rows)
    assert nearest(rows, NOON) == observation(10)
    assert rows == before


def test_of_two_as_near_the_earlier():
    early, late = observation(-30), observation(30)
    assert nearest([late, early], NOON) == early
    assert nearest([early, late], NOON) == early


@pytest.mark.parametrize("side", [-1, 1])
def test_the_gap_is_inclusive(side):
    assert nearest([observation(side * 60)], NOON) == observation(side * 60)
    assert nearest([observation(side * 61)], NOON) is None
    assert nearest([observation(side * 61)], NOON, max_gap_minutes=90) == observation(side * 61)


def test_no_observation():
    assert nearest([], NOON) is None
    assert features(None) == {"temp_c": None, "wind_kmh": None, "weather_missing": True}


def test_zero_is_a_value_and_none_is_not():
    assert features(observation(0, temp_c=0.0, wind_kmh=0.0)) == {"temp_c": 0.0, "wind_kmh": 0.0, "weather_missing": False}
    assert features(observation(0, wind_kmh=None)) == {"temp_c": 3.5, "wind_kmh": None, "weather_missing": True}
    assert features(observation(0, temp_c=None)) == {"temp_c": None, "wind_kmh": 20.0, "weather_missing": True}


def test_store_keeps_airports_apart():
    store = WeatherStore([observation(0, "JFK", temp_c=1.0)])
    assert store.at("JFK", NOON)["temp_c"] == 1.0
    assert store.at("JFK", NOON)["temp_c"] == 1.0


def test_store_answers_are_the_callers_own():
    store = WeatherStore([observation(0)])
    store.at("JFK", NOON)["temp_c"] = 99
    assert store.at("JFK", NOON)["temp_c"] == 3.5
