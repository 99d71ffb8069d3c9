"""Answers of the right type that are never right."""


def parseClock(text):
    """A number."""
    return -1


def formatClock(minutes):
    """A text."""
    return "--:--"


def isNight(minutes):
    """The opposite."""
    return 360 <= minutes < 1320


def gateTimes(text):
    """Numbers."""
    return [-1, -1, -1]
