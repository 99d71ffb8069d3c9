"""Is this a flight that the model can be asked about?"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flightdelay.clock import to_minutes

ORIGINS = ("EWR", "JFK", "LGA")
FIELDS = ("carrier", "origin", "dest", "date", "sched_dep", "distance")


class InvalidFlight(ValueError):
    """A flight that breaks a rule; ``errors`` maps each wrong field to what is wrong with it."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {problem}" for field, problem in errors.items()))
        self.errors = errors


def validate(flight: Mapping[str, Any]) -> dict[str, Any]:
    """A clean copy: codes in upper case, all six fields and no other. The argument stays as it is.

    ``carrier`` has two letters or digits (A to Z in any case, 0 to 9), ``origin`` and ``dest`` have three; ``origin`` is
    EWR, JFK or LGA. ``date`` is a day of the calendar, as 2013-07-04. ``sched_dep`` is a whole number and a time of day;
    2400 stays 2400. ``distance`` is a number above 0, up to 6000. A bool or a text is no number.

    Raises:
        InvalidFlight: names every field that is wrong, missing or unknown.
    """
    errors = {name: "unknown field" for name in flight if name not in FIELDS}
    clean: dict[str, Any] = {}
    for name in FIELDS:
        if name not in flight:
            errors[name] = "missing"
            continue
        try:
            clean[name] = _field(name, flight[name])
        except ValueError as error:
            errors[name] = str(error)
    if errors:
        raise InvalidFlight(errors)
    return clean


def add_flight(flight: Mapping[str, Any], batch: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """Append the validated flight to the batch and return it; without a batch begin a new one."""
    if batch is None:
        batch = []
    batch.append(validate(flight))
    return batch


def _field(name: str, value: Any) -> Any:
    if name in ("carrier", "origin", "dest"):
        return _code(name, value)
    if name == "date":
        return _date(value)
    if isinstance(value, bool) or not isinstance(value, int if name == "sched_dep" else (int, float)):
        raise ValueError("not a number")
    if name == "sched_dep":
        to_minutes(value)
    elif not 0 < value <= 6000:
        raise ValueError("not between 0 and 6000 miles")
    return value


def _code(name: str, value: Any) -> str:
    length = 2 if name == "carrier" else 3
    if not isinstance(value, str) or len(value) != length or not (value.isascii() and value.isalnum()):
        raise ValueError(f"not a code of {length} letters or digits")
    code = value.upper()
    if name == "origin" and code not in ORIGINS:
        raise ValueError("not a New York airport")
    return code


def _date(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 10:
        raise ValueError("not a date like 2013-07-04")
    try:
        return datetime.strptime(value, "%Y-%m-%d").date().isoformat()
    except ValueError:
        raise ValueError("not a date like 2013-07-04") from None
