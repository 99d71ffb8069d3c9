"""What a model may know about a date."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta


def calendar_features(day: date) -> dict[str, int | bool]:
    """Month 1-12, weekday 1-7 from Monday, day of the year 1-366, and whether it is a Saturday or Sunday."""
    weekday = day.isoweekday()
    return {
        "month": day.month,
        "weekday": weekday,
        "day_of_year": (day - date(day.year, 1, 1)).days + 1,
        "weekend": weekday >= 6,
    }


def days_to_holiday(day: date, holidays: Sequence[date]) -> int | None:
    """Days until the next holiday, 0 on the day itself; None when none is left. The list may be in any order."""
    ahead = [(holiday - day).days for holiday in holidays if holiday >= day]
    return min(ahead) if ahead else None


def local_date(moment: datetime, utc_offset_hours: int) -> date:
    """The date on the wall of an airport so many hours from UTC (New York: -5, in summer -4).

    Raises:
        ValueError: the moment has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError("the moment needs a time zone")
    offset = moment.utcoffset() or timedelta()
    return (moment.replace(tzinfo=None) - offset + timedelta(hours=utc_offset_hours)).date()
