"""Answers of the right type that are never right."""

from datetime import date


def calendar_features(day):
    """Out of range, or the opposite."""
    return {"month": -1, "weekday": -1, "day_of_year": -1, "weekend": day.isoweekday() < 6}


def days_to_holiday(day, holidays):
    """A number."""
    return -1


def local_date(moment, utc_offset_hours):
    """A date."""
    return date(1, 1, 1)
