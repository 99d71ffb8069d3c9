"""Reads like a story, and works like one: from the beginning only."""

from flightdelay.validation import add_flight

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "date": "2013-01-01", "sched_dep": 515, "distance": 1400}
BATCH = []


def test_first_flight():
    add_flight(FLIGHT, BATCH)
    assert len(BATCH) == 1


def test_second_flight():
    add_flight(FLIGHT, BATCH)
    assert len(BATCH) == 2
