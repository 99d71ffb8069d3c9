"""Clock arithmetic on a small value class."""

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction


@dataclass(frozen=True)
class _Time:
    minute: int

    @classmethod
    def read(cls, hhmm):
        text = f"{hhmm:04d}"
        if len(text) != 4 or not text.isdigit() or int(text[2:]) >= 60 or int(text) > 2400:
            raise ValueError(f"{text}: no such time")
        return cls((int(text[:2]) * 60 + int(text[2:])) % 1440)

    def later(self, minutes):
        return _Time((self.minute + minutes) % 1440)

    @property
    def hhmm(self):
        return int(f"{self.minute // 60}{self.minute % 60:02d}")


def to_minutes(hhmm):
    """Minutes since midnight."""
    return _Time.read(hhmm).minute


def add_minutes(hhmm, minutes):
    """Another time of day."""
    return _Time.read(hhmm).later(minutes).hhmm


def delay_minutes(scheduled, actual):
    """Of yesterday, today and tomorrow the one nearest to schedule; later rather than earlier."""
    planned, landed = _Time.read(scheduled), _Time.read(actual)
    candidates = [landed.minute - planned.minute + day for day in (-1440, 0, 1440)]
    return min(candidates, key=lambda gap: (abs(gap), -gap))


def is_late(scheduled, actual):
    """As timedeltas."""
    return timedelta(minutes=delay_minutes(scheduled, actual)) >= timedelta(minutes=15)


def mean_delay(delays):
    """Exactly, as a fraction."""
    flown = [*filter(lambda delay: delay is not None, delays)]
    if len(flown):
        return (Fraction(sum(flown), len(flown)) + Fraction(1, 2)).__floor__()
    return None
