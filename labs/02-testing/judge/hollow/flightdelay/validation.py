"""Answers of the right type that are never right."""


class InvalidFlight(ValueError):
    """Never raised."""

    def __init__(self, errors):
        super().__init__("never")
        self.errors = errors


def validate(flight):
    """Something like a flight."""
    return {"carrier": "?", "origin": "?", "dest": "?", "date": "?", "sched_dep": -1, "distance": -1}


def add_flight(flight, batch=None):
    """Something like a batch."""
    return [{"carrier": "?", "origin": "?", "dest": "?", "date": "?", "sched_dep": -1, "distance": -1}]
