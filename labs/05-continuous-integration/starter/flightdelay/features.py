"""From rows of text to a matrix of numbers."""

from typing import TypeAlias

import numpy as np

from flightdelay.clock import part_of_day, to_minutes

CARRIERS = ("9E", "AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN")
ORIGINS = ("EWR", "JFK", "LGA")
PARTS = ("night", "morning", "afternoon", "evening")

Matrix: TypeAlias = np.ndarray


def vector(row: dict[str, str]) -> list[float]:
    """One flight as numbers, the constant first."""
    departure = int(row["sched_dep_time"])
    part = part_of_day(departure)
    numbers = [1.0, to_minutes(departure) / 1440]
    numbers += [float(row["distance"]) / 1000, float(row["wind_speed"]) / 10]
    numbers += [float(row["visibility"]) / 10, min(float(row["precipitation"]), 0.2) * 5]
    numbers += [float(row["carrier"] == carrier) for carrier in CARRIERS]
    numbers += [float(row["origin"] == origin) for origin in ORIGINS]
    numbers += [float(part == name) for name in PARTS]
    return numbers


def matrix(rows: list[dict[str, str]]) -> Matrix:
    """All flights, one a row."""
    return np.array([vector(row) for row in rows])


def labels(rows: list[dict[str, str]]) -> Matrix:
    """1 where the flight was late, else 0."""
    return np.array([float(row["late"]) for row in rows])
