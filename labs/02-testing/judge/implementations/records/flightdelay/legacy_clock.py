"""The clock of the gate displays, as a class with functions around it."""


class _Face:
    def __init__(self, hours, minutes):
        self.hours, self.minutes = hours, minutes

    @classmethod
    def read(cls, text):
        digits, gap, half = text.partition(" ")
        hours, colon, minutes = digits.partition(":")
        good = gap and colon and half.lower() in {"am", "pm"} and hours.isdigit() and minutes.isdigit()
        if (
            not good
            or len(hours) > 2
            or len(minutes) != 2
            or int(hours) not in range(1, 13)
            or int(minutes) not in range(60)
        ):
            raise ValueError("cannot read " + text)
        return cls(int(hours) % 12 + (12 if half.lower() == "pm" else 0), int(minutes))


def parseClock(text):
    """By the face."""
    face = _Face.read(text)
    return face.hours * 60 + face.minutes


def formatClock(minutes):
    """Two and two digits."""
    face = _Face(minutes // 60 % 24, minutes % 60)
    return ":".join(str(number).zfill(2) for number in (face.hours, face.minutes))


def isNight(minutes):
    """Not the day."""
    return not 6 * 60 <= minutes < 22 * 60


def gateTimes(text):
    """Read each."""
    return list(map(parseClock, map(str.strip, text.split(",")))) if text else []
