"""Times of day as the flight data writes them: 517 is 5:17 in the morning, 2400 is midnight."""

from collections.abc import Sequence
from math import floor

DAY = 1440
HALF_DAY = 720
LATE_FROM = 15


def to_minutes(hhmm: int) -> int:
    """Minutes since midnight, 0 to 1439; 2400 is midnight and gives 0.

    Raises:
        ValueError: no time of day, as 1275, 2401 or -5.
    """
    hours, minutes = divmod(hhmm, 100)
    if hhmm < 0 or hhmm > 2400 or minutes > 59:
        raise ValueError(f"{hhmm} is no time of day")
    return (hours * 60 + minutes) % DAY


def add_minutes(hhmm: int, minutes: int) -> int:
    """The time of day so many minutes later (or earlier), 0 to 2359; midnight is 0."""
    hours, rest = divmod((to_minutes(hhmm) + minutes) % DAY, 60)
    return hours * 100 + rest


def delay_minutes(scheduled: int, actual: int) -> int:
    """How many minutes later than scheduled, the short way round the clock: -719 to 720."""
    minutes = (to_minutes(actual) - to_minutes(scheduled)) % DAY
    if minutes > HALF_DAY:
        return minutes - DAY
    return minutes


def is_late(scheduled: int, actual: int) -> bool:
    """Whether an arrival counts as late: 15 minutes or more after schedule."""
    return delay_minutes(scheduled, actual) >= LATE_FROM


def mean_delay(delays: Sequence[int | None]) -> int | None:
    """The mean in whole minutes, halves rounded up; cancelled flights (None) are left out; None without any flight."""
    flown = [delay for delay in delays if delay is not None]
    if not flown:
        return None
    return floor(sum(flown) / len(flown) + 0.5)
