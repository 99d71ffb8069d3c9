"""Days on which more people fly than usual. The monthly report uses it, the model does not."""

from datetime import date, timedelta

YEAR = 2013
FIXED = {(1, 1), (7, 4), (12, 25)}


def thanksgiving(year: int = YEAR) -> date:
    """The fourth Thursday of November."""
    first = date(year, 11, 1)
    return first + timedelta(days=(3 - first.weekday()) % 7 + 21)


def is_weekend(month: int, day: int) -> bool:
    """Saturday or Sunday."""
    return date(YEAR, month, day).weekday() >= 5


def is_busy(month: int, day: int) -> bool:
    """A holiday, the day before or after one, or a Friday."""
    today = date(YEAR, month, day)
    holidays = [date(YEAR, m, d) for m, d in FIXED]
    holidays.append(thanksgiving())
    if any(abs((today - holiday).days) <= 1 for holiday in holidays):
        return True
    return today.weekday() == 4


def count_busy(days: list[tuple[int, int]]) -> int:
    """How many of these (month, day) are busy."""
    total = 0
    for month, day in days:
        if is_busy(month, day):
            total += 1
    return total
