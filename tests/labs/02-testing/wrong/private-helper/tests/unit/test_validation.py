"""Validation: what is taken, what is refused, and that nothing else happens."""

import pytest
from flightdelay.validation import InvalidFlight, add_flight, validate

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "date": "2013-01-01", "sched_dep": 515, "distance": 1400}


def test_a_good_flight_comes_back():
    assert validate(FLIGHT) == FLIGHT


def test_codes_in_any_case_and_the_argument_untouched():
    flight = FLIGHT | {"carrier": "ua", "origin": "ewr", "dest": "iah"}
    given = dict(flight)
    assert validate(flight) == FLIGHT
    assert flight == given


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("carrier", "UAL"),
        ("carrier", 9),
        ("origin", "BOS"),
        ("dest", "IA"),
        ("date", "2013-02-29"),
        ("date", "01/02/2013"),
        ("date", "2013-13-01"),
        ("sched_dep", 2401),
        ("sched_dep", 1275),
        ("sched_dep", "515"),
        ("sched_dep", True),
        ("distance", 0),
        ("distance", -5),
        ("distance", 6001),
        ("distance", "far"),
    ],
)
def test_a_wrong_field_is_named(field, value):
    with pytest.raises(InvalidFlight) as caught:
        validate(FLIGHT | {field: value})
    assert set(caught.value.errors) == {field}


def test_borders_that_are_taken():
    assert validate(FLIGHT | {"carrier": "9E"})["carrier"] == "9E"
    assert validate(FLIGHT | {"distance": 6000})["distance"] == 6000
    assert validate(FLIGHT | {"date": "2012-02-29"})["date"] == "2012-02-29"
    assert validate(FLIGHT | {"sched_dep": 2400})["sched_dep"] == 2400


@pytest.mark.parametrize("field", FLIGHT)
def test_no_field_may_be_missing(field):
    with pytest.raises(InvalidFlight) as caught:
        validate({name: value for name, value in FLIGHT.items() if name != field})
    assert set(caught.value.errors) == {field}


def test_an_unknown_field_is_refused():
    with pytest.raises(InvalidFlight) as caught:
        validate(FLIGHT | {"arr_delay": 40})
    assert set(caught.value.errors) == {"arr_delay"}


def test_every_wrong_field_is_named():
    with pytest.raises(InvalidFlight) as caught:
        validate(FLIGHT | {"origin": "BOS", "distance": -1})
    assert set(caught.value.errors) == {"origin", "distance"}


def test_each_batch_begins_empty():
    assert add_flight(FLIGHT) == [FLIGHT]
    assert add_flight(FLIGHT | {"carrier": "AA"}) == [FLIGHT | {"carrier": "AA"}]


def test_a_batch_grows():
    batch = [FLIGHT]
    assert add_flight(FLIGHT, batch) is batch
    assert batch == [FLIGHT, FLIGHT]


def test_codes():
    from flightdelay.validation import _code

    assert _code("carrier", "ua") == "UA"
