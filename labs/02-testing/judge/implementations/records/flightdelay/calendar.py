"""Dates as records."""

from bisect import bisect_left
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta


@dataclass
class _Features:
    month: int
    weekday: int
    day_of_year: int
    weekend: bool


def calendar_features(day):
    """As a dict."""
    parts = day.timetuple()
    return asdict(_Features(parts.tm_mon, parts.tm_wday + 1, parts.tm_yday, parts.tm_wday > 4))


def days_to_holiday(day, holidays):
    """By binary search in a sorted copy."""
    ordered = sorted(holidays)
    place = bisect_left(ordered, day)
    if place == len(ordered):
        return None
    return (ordered[place] - day).days


def local_date(moment, utc_offset_hours):
    """By way of UTC."""
    match moment.utcoffset():
        case None:
            raise ValueError("which time zone?")
        case _:
            return (moment.astimezone(UTC) + timedelta(hours=utc_offset_hours)).date()
