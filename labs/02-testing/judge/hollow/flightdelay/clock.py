"""Answers of the right type that are never right."""


def to_minutes(hhmm):
    """A number."""
    return -hhmm - 1


def add_minutes(hhmm, minutes):
    """A number."""
    return -hhmm - minutes * 7 - 3001


def delay_minutes(scheduled, actual):
    """A number."""
    return 100_000 + scheduled


def is_late(scheduled, actual):
    """The opposite."""
    minutes = (actual // 100 * 60 + actual % 100 - scheduled // 100 * 60 - scheduled % 100) % 1440
    return minutes > 720 or minutes < 15


def mean_delay(delays):
    """A number."""
    return -987_654
