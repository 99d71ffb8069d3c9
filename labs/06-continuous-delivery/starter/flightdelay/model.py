"""A model is a JSON file: a logistic regression, with corrections for single carriers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

CARRIERS = ("9E", "AA", "B6", "DL", "EV", "UA", "WN")
ORIGINS = ("EWR", "JFK", "LGA")
KNOWN_AT_DEPARTURE = ("hour", "distance", "wind", "visibility", "precip", "temp", "month")
"""Number features that exist when the prediction is made. `dep_delay` and `taxi_out` do not: they are measured later."""


def load(text: str) -> dict[str, Any]:
    """Parse a model file. Its keys: version, bias, weights (feature → weight), carriers (carrier → correction of weights)."""
    model: dict[str, Any] = json.loads(text)
    return model


def features(model: Mapping[str, Any]) -> set[str]:
    """The names of the number features that a model uses."""
    names = set(model["weights"])
    for correction in model["carriers"].values():
        names.update(name for name in correction if name != "bias")
    return names


def probability(model: Mapping[str, Any], flight: Mapping[str, Any]) -> float:
    """How likely the flight arrives more than 15 minutes late, from 0 to 1."""
    correction = model["carriers"].get(flight["carrier"], {})
    score = model["bias"] + correction.get("bias", 0.0)
    for name, weight in model["weights"].items():
        score += (weight + correction.get(name, 0.0)) * float(flight[name])
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))
