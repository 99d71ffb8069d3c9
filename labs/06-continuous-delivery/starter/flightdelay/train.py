"""Fits a model: logistic regression by Newton's method, on the features that help."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from flightdelay.evaluate import Flight

FEATURES = ("hour", "wind", "visibility", "temp")
ROUNDS = 8


def fit(flights: Sequence[Flight]) -> dict[str, Any]:
    """A model without a version: `bias`, `weights`, and no correction for any carrier."""
    rows = [(1.0, *(flight[name] for name in FEATURES)) for flight in flights]
    late = [flight["late"] for flight in flights]
    size = len(FEATURES) + 1
    weights = [0.0] * size
    for _ in range(ROUNDS):
        slope = [0.0] * size
        curve = [[0.0] * size for _ in range(size)]
        for row, y in zip(rows, late, strict=True):
            p = 1 / (1 + math.exp(-max(-50.0, min(50.0, sum(w * x for w, x in zip(weights, row, strict=True))))))
            for i in range(size):
                slope[i] += (y - p) * row[i]
                for j in range(i, size):
                    curve[i][j] += p * (1 - p) * row[i] * row[j]
        for i in range(size):
            for j in range(i):
                curve[i][j] = curve[j][i]
        weights = [w + step for w, step in zip(weights, _solve(curve, slope), strict=True)]
    return {"bias": weights[0], "weights": dict(zip(FEATURES, weights[1:], strict=True)), "carriers": {}}


def _solve(a: list[list[float]], b: list[float]) -> list[float]:
    """x with a·x = b, for a matrix that is symmetric and positive."""
    rows = [[*line, value] for line, value in zip(a, b, strict=True)]
    for i, pivot in enumerate(rows):
        for other in rows[i + 1 :]:
            ratio = other[i] / pivot[i]
            for j in range(i, len(other)):
                other[j] -= ratio * pivot[j]
    found = [0.0] * len(rows)
    for i in reversed(range(len(rows))):
        found[i] = (rows[i][-1] - sum(rows[i][j] * found[j] for j in range(i + 1, len(rows)))) / rows[i][i]
    return found
