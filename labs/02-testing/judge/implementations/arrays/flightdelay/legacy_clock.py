"""The clock of the gate displays, by datetime."""

import re
from datetime import datetime


def parseClock(text):
    """As the library reads it."""
    if re.fullmatch(r"\d{1,2}:\d{2} [AaPp][Mm]", text) is None:
        raise ValueError("unreadable: " + text)
    moment = datetime.strptime(text.upper(), "%I:%M %p")
    return moment.hour * 60 + moment.minute


def formatClock(minutes):
    """HH:MM."""
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def isNight(minutes):
    """Shifted by two hours, the night comes first."""
    return (minutes + 120) % 1440 < 480


def gateTimes(text):
    """All of the line."""
    return [parseClock(part.strip()) for part in text.split(",") if text]
