"""Dates as day numbers."""

from datetime import date, timedelta, timezone


def calendar_features(day):
    """From ordinals: day 1 of the calendar was a Monday."""
    ordinal = day.toordinal()
    weekday = (ordinal - 1) % 7 + 1
    return {
        "weekend": weekday > 5,
        "weekday": weekday,
        "month": day.month,
        "day_of_year": ordinal - date(day.year, 1, 1).toordinal() + 1,
    }


def days_to_holiday(day, holidays):
    """The least of the differences that are left."""
    return min((holiday.toordinal() - day.toordinal() for holiday in holidays if not holiday < day), default=None)


def local_date(moment, utc_offset_hours):
    """As a zone of its own."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return moment.astimezone(timezone(timedelta(hours=utc_offset_hours))).date()
