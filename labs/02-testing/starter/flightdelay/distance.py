"""Distances, which the flight data gives in statute miles."""

from collections.abc import Sequence
from math import isclose

KM_PER_MILE = 1.609344
MEDIUM_FROM = 500
LONG_FROM = 1500


def to_km(miles: float) -> float:
    """Kilometres, rounded to one decimal.

    Raises:
        ValueError: a negative distance.
    """
    if miles < 0:
        raise ValueError("a distance is not negative")
    return round(miles * KM_PER_MILE, 1)


def bucket(miles: float) -> str:
    """``short`` below 500 miles, ``long`` from 1500 miles, ``medium`` between.

    Raises:
        ValueError: a negative distance.
    """
    if miles < 0:
        raise ValueError("a distance is not negative")
    if miles >= LONG_FROM:
        return "long"
    if miles >= MEDIUM_FROM:
        return "medium"
    return "short"


def is_distribution(shares: Sequence[float]) -> bool:
    """Whether no share is negative and together they make 1, within a billionth."""
    return all(share >= 0 for share in shares) and isclose(sum(shares), 1, rel_tol=0, abs_tol=1e-9)
