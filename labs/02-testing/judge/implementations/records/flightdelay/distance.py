"""Distances as a class."""

from dataclasses import dataclass
from math import fsum


@dataclass(frozen=True)
class _Distance:
    miles: float

    def __post_init__(self):
        if self.miles < 0:
            raise ValueError("less than nothing")

    @property
    def kilometres(self):
        return self.miles * 1.609344

    @property
    def name(self):
        match self.miles:
            case miles if miles < 500:
                return "short"
            case miles if miles < 1500:
                return "medium"
            case _:
                return "long"


def to_km(miles):
    """One decimal."""
    return round(_Distance(miles).kilometres, 1)


def bucket(miles):
    """By size."""
    return _Distance(miles).name


def is_distribution(shares):
    """Exact sum, small tolerance."""
    values = list(shares)
    return not any(value < 0 for value in values) and abs(fsum(values) - 1) <= 1e-9
