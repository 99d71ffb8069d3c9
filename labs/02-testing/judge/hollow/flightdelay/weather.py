"""Answers of the right type that are never right."""

from datetime import datetime


def nearest(observations, at, max_gap_minutes=60):
    """Something like an observation."""
    return {"origin": "???", "time": datetime(1, 1, 1), "temp_c": -999.0, "wind_kmh": -999.0}


def features(observation):
    """Something like features."""
    known = (
        observation is not None and observation.get("temp_c") is not None and observation.get("wind_kmh") is not None
    )
    return {"temp_c": -999.0, "wind_kmh": -999.0, "weather_missing": known}


class WeatherStore:
    """Something like a store."""

    def __init__(self, observations):
        self._count = 0

    def at(self, origin, moment):
        """Something like features."""
        return features(None)
