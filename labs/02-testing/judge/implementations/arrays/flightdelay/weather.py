"""Weather by sorted search."""

from bisect import bisect_left
from datetime import timedelta


def nearest(observations, at, max_gap_minutes=60):
    """Only the last one before and the first one after can be the nearest."""
    ordered = sorted(observations, key=lambda item: item["time"])
    place = bisect_left([item["time"] for item in ordered], at)
    best = None
    for candidate in ordered[max(place - 1, 0) : place + 1]:
        gap = abs(candidate["time"] - at) / timedelta(minutes=1)
        if gap <= max_gap_minutes and (best is None or gap < best[0]):
            best = (gap, candidate)
    return None if best is None else best[1]


def features(observation):
    """Known or None."""
    row = observation or {}
    temp, wind = row.get("temp_c"), row.get("wind_kmh")
    return {"temp_c": temp, "wind_kmh": wind, "weather_missing": None in (temp, wind)}


class WeatherStore:
    """One memory a place."""

    def __init__(self, observations):
        rows = list(observations)
        self._rows = {name: [row for row in rows if row["origin"] == name] for name in {row["origin"] for row in rows}}
        self._memory = {name: {} for name in self._rows}

    def at(self, origin, moment):
        """Look in the memory of the place first."""
        if origin not in self._rows:
            return features(None)
        memory = self._memory[origin]
        if moment not in memory:
            memory[moment] = features(nearest(self._rows[origin], moment))
        return memory[moment].copy()
