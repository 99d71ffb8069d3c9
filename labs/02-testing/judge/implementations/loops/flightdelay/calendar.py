"""Dates by table."""

from datetime import timedelta

MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _is_leap(year):
    if year % 400 == 0:
        return True
    if year % 100 == 0:
        return False
    return year % 4 == 0


def calendar_features(day):
    """Count the days."""
    number = day.day
    for month in range(1, day.month):
        number += MONTH_DAYS[month - 1]
        if month == 2 and _is_leap(day.year):
            number += 1
    weekday = day.weekday() + 1
    result = {}
    result["month"] = day.month
    result["weekday"] = weekday
    result["day_of_year"] = number
    result["weekend"] = weekday in (6, 7)
    return result


def days_to_holiday(day, holidays):
    """The smallest distance that is not negative."""
    best = None
    for holiday in holidays:
        distance = holiday.toordinal() - day.toordinal()
        if distance < 0:
            continue
        if best is None or distance < best:
            best = distance
    return best


def local_date(moment, utc_offset_hours):
    """Shift the wall clock."""
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("no time zone")
    shift = timedelta(hours=utc_offset_hours) - offset
    return (moment.replace(tzinfo=None) + shift).date()
