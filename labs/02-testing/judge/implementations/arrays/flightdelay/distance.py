"""Distances on arrays."""

import numpy as np

EDGES = np.array([500.0, 1500.0])
NAMES = ("short", "medium", "long")


def _checked(miles):
    if np.any(np.less(miles, 0)):
        raise ValueError("a distance below zero")
    return np.float64(miles)


def to_km(miles):
    """One decimal."""
    return round(float(_checked(miles)) * 1.609344, 1)


def bucket(miles):
    """By binary search."""
    return NAMES[int(np.searchsorted(EDGES, _checked(miles), side="right"))]


def is_distribution(shares):
    """Within a billionth."""
    values = np.asarray(list(shares), dtype=float)
    return bool(np.all(np.greater_equal(values, 0)) and np.abs(values.sum() - 1) <= 1e-9)
