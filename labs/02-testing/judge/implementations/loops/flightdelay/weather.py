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
    """Looks it up once, and keeps a list of what was found."""

    def __init__(self, observations):
        self._all = []
        for observation in observations:
            self._all.append(observation)
        self._found = []

    def at(self, origin, moment):
        """Scan what was found before, then those of the airport."""
        for place, time, answer in self._found:
            if place == origin and time == moment:
                return dict(answer)
        here = []
        for observation in self._all:
            if observation["origin"] == origin:
                here.append(observation)
        answer = features(nearest(here, moment))
        self._found.append((origin, moment, answer))
        return dict(answer)
