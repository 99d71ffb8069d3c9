"""Weather as records."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cache


@dataclass(frozen=True)
class _Weather:
    temp_c: float | None = None
    wind_kmh: float | None = None

    def row(self):
        return {
            "temp_c": self.temp_c,
            "wind_kmh": self.wind_kmh,
            "weather_missing": self.temp_c is None or self.wind_kmh is None,
        }


def nearest(observations, at, max_gap_minutes=60):
    """Earlier ones first, so that they win a draw."""
    best = None
    for observation in sorted(observations, key=lambda row: row["time"]):
        gap = abs(observation["time"] - at)
        if gap <= timedelta(minutes=max_gap_minutes) and (best is None or gap < best[0]):
            best = (gap, observation)
    return best and best[1]


def features(observation):
    """Only what is measured."""
    return (
        _Weather() if observation is None else _Weather(observation.get("temp_c"), observation.get("wind_kmh"))
    ).row()


class WeatherStore:
    """Remembers by place and moment."""

    def __init__(self, observations):
        places = defaultdict(list)
        for observation in observations:
            places[observation["origin"]].append(observation)

        @cache
        def look(origin, moment):
            found = nearest(places[origin] if origin in places else (), moment)
            return _Weather() if found is None else _Weather(found.get("temp_c"), found.get("wind_kmh"))

        self._look = look

    def at(self, origin, moment):
        """A row of the caller's own."""
        return self._look(origin, moment).row()
