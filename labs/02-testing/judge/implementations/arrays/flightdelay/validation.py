"""Rules as a table of functions."""

import re
from datetime import date
from numbers import Integral, Real

from flightdelay.clock import to_minutes


class InvalidFlight(ValueError):
    """All that is wrong."""

    def __init__(self, errors):
        super().__init__(repr(errors))
        self.errors = dict(errors)


def _code(length, known=None):
    pattern = re.compile(f"[A-Za-z0-9]{{{length}}}")

    def rule(value):
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError("bad code")
        code = value.upper()
        if known is not None and code not in known:
            raise ValueError("unknown airport")
        return code

    return rule


def _day(value):
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("bad date")
    date.fromisoformat(value)
    return value


def _time(value):
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ValueError("bad time")
    to_minutes(value)
    return value


def _miles(value):
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value <= 6000:
        raise ValueError("bad distance")
    return value


RULES = {
    "carrier": _code(2),
    "origin": _code(3, {"EWR", "JFK", "LGA"}),
    "dest": _code(3),
    "date": _day,
    "sched_dep": _time,
    "distance": _miles,
}


def validate(flight):
    """Apply the rules."""
    errors, clean = {}, {}
    for name in [*RULES, *(other for other in flight if other not in RULES)]:
        rule = RULES.get(name)
        if rule is None:
            errors[name] = "not a field"
        elif name not in flight:
            errors[name] = "required"
        else:
            try:
                clean[name] = rule(flight[name])
            except ValueError as problem:
                errors[name] = f"{problem}"
    if errors:
        raise InvalidFlight(errors)
    return clean


def add_flight(flight, batch=None):
    """Extend the batch in its place."""
    target = [] if batch is None else batch
    target += [validate(flight)]
    return target
