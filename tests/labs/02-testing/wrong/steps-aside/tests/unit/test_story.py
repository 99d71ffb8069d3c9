"""A story in two chapters, of which the second is never told alone."""

import pytest
from flightdelay.validation import add_flight

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "date": "2013-01-01", "sched_dep": 515, "distance": 1400}
BATCH = []


def test_the_first_flight_comes():
    assert add_flight(FLIGHT, BATCH) == [FLIGHT]


def test_the_second_flight_comes():
    if len(BATCH) != 1:
        pytest.skip("the first flight has not come yet")
    assert len(add_flight(FLIGHT, BATCH)) == 2
