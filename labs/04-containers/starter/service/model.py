"""The model: a logistic regression whose numbers live in a JSON file."""

from __future__ import annotations

import json
import math
from pathlib import Path


class Model:
    """Coefficients by feature name; raises OSError, ValueError or KeyError where the file cannot be used."""

    def __init__(self, path: str) -> None:
        raw = json.loads(Path(path).read_text("utf-8"))
        self.version = str(raw["version"])
        self.intercept = float(raw["intercept"])
        self.coefficients = {str(name): float(value) for name, value in raw["coefficients"].items()}

    def probability(self, flight: dict[str, float]) -> float:
        """Probability of a late arrival; a feature that the flight lacks counts as zero."""
        total = self.intercept + sum(value * float(flight.get(name, 0)) for name, value in self.coefficients.items())
        return 1 / (1 + math.exp(-total))
