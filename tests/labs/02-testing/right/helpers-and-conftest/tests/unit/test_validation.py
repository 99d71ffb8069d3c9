import pytest
from flightdelay.validation import InvalidFlight, add_flight, validate
from helpers import flight


def test_upper_case(good):
    assert validate(flight(carrier="ua", origin="ewr")) == good


def test_nothing_unknown():
    with pytest.raises(InvalidFlight):
        validate(flight(delay=3))


def test_new_batches(good):
    assert len(add_flight(good)) == len(add_flight(good)) == 1
