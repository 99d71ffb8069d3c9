"""Runs everything once."""

from datetime import date, datetime

from flightdelay import calendar, clock, distance, weather


def test_clock():
    clock.to_minutes(517)
    clock.delay_minutes(2350, 5)
    clock.mean_delay([1, 2, None])


def test_calendar():
    calendar.calendar_features(date(2012, 2, 29))


def test_distance():
    distance.bucket(500)


def test_weather():
    weather.nearest([], datetime(2013, 1, 1))
