"""Joins flights with hourly weather, which has gaps.

An observation is a dict: ``{"origin": "JFK", "time": datetime, "temp_c": 3.5, "wind_kmh": None}``.
``None`` means that the station did not report the value.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

Observation = Mapping[str, Any]
MEASURED = ("temp_c", "wind_kmh")


def nearest(observations: Sequence[Observation], at: datetime, max_gap_minutes: int = 60) -> Observation | None:
    """The observation nearest in time, at most the gap away (inclusive), the earlier of two as near; None without one."""
    limit = timedelta(minutes=max_gap_minutes)
    near = [item for item in observations if abs(item["time"] - at) <= limit]
    if not near:
        return None
    return min(near, key=lambda item: (abs(item["time"] - at), item["time"]))


def features(observation: Observation | None) -> dict[str, Any]:
    """``temp_c`` and ``wind_kmh``, None where not known, and ``weather_missing``: whether any of them is None."""
    values = {name: observation.get(name) if observation is not None else None for name in MEASURED}
    return {**values, "weather_missing": any(value is None for value in values.values())}


class WeatherStore:
    """Answers for one place and moment, and remembers its answers."""

    def __init__(self, observations: Iterable[Observation]) -> None:
        self._by_origin: dict[str, list[Observation]] = {}
        for observation in observations:
            self._by_origin.setdefault(observation["origin"], []).append(observation)
        self._known: dict[tuple[str, datetime], dict[str, Any]] = {}

    def at(self, origin: str, moment: datetime) -> dict[str, Any]:
        """The features of the nearest observation at that airport, within 60 minutes; a dict of the caller's own."""
        key = (origin, moment)
        if key not in self._known:
            self._known[key] = features(nearest(self._by_origin.get(origin, []), moment))
        return dict(self._known[key])
