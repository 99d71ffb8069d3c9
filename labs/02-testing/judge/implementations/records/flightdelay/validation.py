"""A flight as a record with a parser for each field."""

from dataclasses import dataclass, fields
from datetime import date as Date

from flightdelay.clock import to_minutes


class InvalidFlight(ValueError):
    """What is wrong, by field."""

    def __init__(self, errors):
        super().__init__("; ".join(sorted(errors)))
        self.errors = errors


@dataclass
class _Flight:
    carrier: str
    origin: str
    dest: str
    date: str
    sched_dep: int
    distance: float

    def problems(self):
        for name, size in (("carrier", 2), ("origin", 3), ("dest", 3)):
            value = getattr(self, name)
            if not (isinstance(value, str) and len(value) == size and value.isascii() and value.isalnum()):
                yield name, f"{size} letters or digits"
            else:
                setattr(self, name, value.upper())
        if isinstance(self.origin, str) and len(self.origin) == 3 and self.origin not in {"JFK", "LGA", "EWR"}:
            yield "origin", "no airport of New York"
        if not self._is_day():
            yield "date", "no such day"
        if not self._is_time():
            yield "sched_dep", "no such time"
        match self.distance:
            case bool():
                yield "distance", "a yes or no is no distance"
            case int() | float() as miles if 0 < miles <= 6000:
                pass
            case _:
                yield "distance", "from 0 (not included) to 6000 miles"

    def _is_day(self):
        if not isinstance(self.date, str) or [len(part) for part in self.date.split("-")] != [4, 2, 2]:
            return False
        try:
            Date(*(int(part) for part in self.date.split("-") if part.isdecimal() and part.isascii()))
        except (TypeError, ValueError):
            return False
        return True

    def _is_time(self):
        try:
            return (
                isinstance(self.sched_dep, int)
                and not isinstance(self.sched_dep, bool)
                and to_minutes(self.sched_dep) >= 0
            )
        except ValueError:
            return False


_NAMES = frozenset(field.name for field in fields(_Flight))


def validate(flight):
    """Into a record and out again."""
    given = set(flight)
    record = _Flight(**{name: flight.get(name) for name in _NAMES})
    errors = dict(record.problems())
    errors.update(dict.fromkeys(given - _NAMES, "no such field"))
    errors.update(dict.fromkeys(_NAMES - given, "not there"))
    if errors:
        raise InvalidFlight(errors)
    return {name: getattr(record, name) for name in sorted(_NAMES)}


def add_flight(flight, batch=None):
    """The batch, one longer."""
    batch = batch if batch is not None else []
    batch.insert(len(batch), validate(flight))
    return batch
