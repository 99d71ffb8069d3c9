"""Dates: the ends of months, of years, and the day that most years lack."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from flightdelay.calendar import calendar_features, days_to_holiday, local_date

CHRISTMAS, NEW_YEAR = date(2013, 12, 25), date(2014, 1, 1)


def test_first_day_of_the_year():
    assert calendar_features(date(2013, 1, 1)) == {"month": 1, "weekday": 2, "day_of_year": 1, "weekend": False}


@pytest.mark.parametrize(
    ("day", "number"), [(date(2013, 12, 31), 365), (date(2012, 12, 31), 366), (date(2012, 2, 29), 60), (date(2012, 3, 1), 61), (date(2013, 3, 1), 60)]
)
def test_day_of_year_knows_leap_years(day, number):
    assert calendar_features(day)["day_of_year"] == number


def test_week_from_monday_to_sunday():
    week = [calendar_features(date(2013, 7, day)) for day in range(1, 8)]
    assert [day["weekday"] for day in week] == [1, 2, 3, 4, 5, 6, 7]
    assert [day["weekend"] for day in week] == [False] * 5 + [True] * 2


def test_months_count_from_one():
    assert [calendar_features(date(2013, month, 15))["month"] for month in range(1, 13)] == list(range(1, 13))


def test_next_holiday_of_an_unsorted_list():
    holidays = [NEW_YEAR, date(2013, 7, 4), CHRISTMAS]
    assert days_to_holiday(date(2013, 12, 20), holidays) == 5
    assert days_to_holiday(CHRISTMAS, holidays) == 0
    assert days_to_holiday(date(2014, 1, 2), holidays) is None
    assert holidays == [NEW_YEAR, date(2013, 7, 4), CHRISTMAS]


def test_late_evening_in_new_york_is_the_next_day_in_utc():
    moment = datetime(2013, 7, 5, 2, 30, tzinfo=UTC)
    assert local_date(moment, -4) == date(2013, 7, 4)
    assert local_date(moment, 0) == date(2013, 7, 5)
    assert local_date(moment.astimezone(timezone(timedelta(hours=2))), -4) == date(2013, 7, 4)


def test_a_moment_without_zone_is_refused():
    with pytest.raises(ValueError):
        local_date(datetime(2013, 7, 5), -4)
