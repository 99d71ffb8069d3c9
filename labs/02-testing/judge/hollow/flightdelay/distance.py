"""Answers of the right type that are never right."""


def to_km(miles):
    """A number."""
    return -1.5


def bucket(miles):
    """A word."""
    return "far"


def is_distribution(shares):
    """The opposite."""
    return min([0, *shares]) < 0 or abs(sum(shares) - 1) > 1e-9
