"""The clock of the old gate displays. It runs where nothing but the standard library is installed.

Names are as they were written long ago; callers depend on them.
"""

import re


def parseClock(text):
    """Minutes since midnight of a time like "5:17 PM"; AM and PM in any case; 12 AM is midnight, 12 PM is noon.

    Raises ValueError for anything else.
    """
    match = re.fullmatch(r"(\d{1,2}):(\d{2}) ([AaPp])[Mm]", text)
    if not match or not 1 <= int(match[1]) <= 12 or int(match[2]) > 59:
        raise ValueError("no time of day: " + text)
    hours = int(match[1]) % 12
    if match[3] in "Pp":
        hours += 12
    return hours * 60 + int(match[2])


def formatClock(minutes):
    """Minutes since midnight as "HH:MM", two digits each; whole days are left out, so 1440 is "00:00"."""
    hours, rest = divmod(minutes % 1440, 60)
    return "%02d:%02d" % (hours, rest)


def isNight(minutes):
    """Whether a flight at this minute of the day, 0 to 1439, is a night flight: from 22:00, until before 6:00."""
    return minutes >= 1320 or minutes < 360


def gateTimes(text):
    """The times in a line like "5:17 PM, 6:05 PM", in minutes, in the order of the line; "" has none."""
    if not text:
        return []
    return [parseClock(part.strip()) for part in text.split(",")]
