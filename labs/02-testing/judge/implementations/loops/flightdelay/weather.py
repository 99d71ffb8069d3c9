"""Weather by scanning."""

from datetime import timedelta


def nearest(observations, at, max_gap_minutes=60):
    """Scan for the best."""
    best = None
    best_gap = None
    for candidate in observations:
        gap = candidate["time"] - at
        if gap < timedelta(0):
            gap = at - candidate["time"]
        if gap > timedelta(minutes=max_gap_minutes):
            continue
        if best is None or gap < best_gap:
            best, best_gap = candidate, gap
        elif gap == best_gap and candidate["time"] < best["time"]:
            best = candidate
    return best


def features(observation):
    """Values or None."""
    temperature = None
    wind = None
    if observation is not None:
        temperature = observation["temp_c"] if "temp_c" in observation else None
        wind = observation["wind_kmh"] if "wind_kmh" in observation else None
    missing = temperature is None or wind is None
    return {"temp_c": temperature, "wind_kmh": wind, "weather_missing": missing}


class WeatherStore:
    """Looks it up each time: a memory is not needed for the answer."""

    def __init__(self, observations):
        self._all = []
        for observation in observations:
            self._all.append(observation)

    def at(self, origin, moment):
        """Scan those of the airport."""
        here = []
        for observation in self._all:
            if observation["origin"] == origin:
                here.append(observation)
        return features(nearest(here, moment))
