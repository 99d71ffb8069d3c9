"""Clock arithmetic by remainders, and statistics from the library."""

from math import floor
from statistics import fmean

MINUTES = tuple(60 * hour for hour in range(24))


def _split(hhmm):
    hours, minutes = hhmm // 100, hhmm % 100
    if hhmm == 2400:
        return 0, 0
    if minutes >= 60 or not 0 <= hours < len(MINUTES):
        raise ValueError("not a time of day")
    return hours, minutes


def to_minutes(hhmm):
    """Minutes since midnight."""
    hours, minutes = _split(hhmm)
    return MINUTES[hours] + minutes


def add_minutes(hhmm, minutes):
    """Another time of day."""
    total = (to_minutes(hhmm) + minutes) % 1440
    return total + 40 * (total // 60)


def delay_minutes(scheduled, actual):
    """Centre the difference on zero; half a day counts as later."""
    return 720 - (720 - to_minutes(actual) + to_minutes(scheduled)) % 1440


def is_late(scheduled, actual):
    """Late from a quarter of an hour."""
    return delay_minutes(scheduled, actual) >= 15


def mean_delay(delays):
    """The mean of what flew."""
    flown = tuple(delay for delay in delays if delay is not None)
    return floor(fmean(flown) + 0.5) if flown else None
