"""The model: a logistic regression, small enough to read. Not part of your work: the checks bring their own copy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

VERSION = "2013.06"
TRAINED_AT = 1_372_636_800  # seconds since 1970: 1 July 2013
NULLABLE = ("temp", "wind_speed", "visibility", "pressure", "precip")

_CARRIER = {"9E": 0.1, "AA": -0.3, "B6": 0.15, "DL": -0.25, "EV": 0.35, "MQ": 0.2, "UA": -0.1, "US": -0.3, "WN": 0.1}
_USUAL = {"temp": 55.0, "wind_speed": 10.0, "visibility": 10.0, "pressure": 1017.0, "precip": 0.0}


def predict(flights: Sequence[Mapping[str, object]]) -> list[float]:
    """The probability that each flight arrives more than 15 minutes late.

    Raises:
        KeyError: a carrier that was not in the training data.
    """
    return [_score(flight) for flight in flights]


def is_late(score: float) -> bool:
    """The class of a score."""
    return score >= 0.5


def _score(flight: Mapping[str, object]) -> float:
    weather = {name: usual if flight.get(name) is None else float(str(flight[name])) for name, usual in _USUAL.items()}
    z = -1.9 + _CARRIER[str(flight["carrier"])] + 0.09 * (int(str(flight["hour"])) - 10)
    z += 1.2 * min(weather["precip"], 1.5) + 0.03 * (weather["wind_speed"] - 10) - 0.12 * (weather["visibility"] - 10)
    z += 0.01 * (1017 - weather["pressure"]) - 0.004 * (weather["temp"] - 55)
    return 1 / (1 + math.exp(-z))
