"""Training and serving see the same numbers."""

from __future__ import annotations

import numpy as np

from sandbox.service import data, features, schema
from sandbox.service.schema import Flight


def test_a_row_and_a_table_agree_bit_for_bit_on_real_flights() -> None:
    year = data.flights(data.ALL_MONTHS, landed=False)
    some = year[np.sort(np.random.default_rng(3).choice(len(year), 2_000, replace=False))]
    rows = features.matrix([features.row(Flight(**request)) for request in some.requests()])
    np.testing.assert_array_equal(rows, features.table(some))
    assert rows.dtype == np.float32 and rows.shape == (2_000, len(features.FEATURES))
    assert np.isnan(rows).any(), "no unknown reading among them: the sample proves nothing about null"


def test_the_codes_of_the_schema_are_those_of_the_data() -> None:
    year = data.flights(data.ALL_MONTHS, landed=False)
    assert tuple(np.unique(year.carrier)) == schema.CARRIERS
    assert tuple(np.unique(year.origin)) == schema.ORIGINS
    assert tuple(np.unique(year.dest)) == schema.DESTINATIONS


def test_no_feature_is_an_outcome() -> None:
    year = data.flights([3])
    before = features.table(year)
    outcome_changed = data.Flights(**{**vars(year), "arr_delay": -year.arr_delay, "dep_delay": -year.dep_delay})
    np.testing.assert_array_equal(before, features.table(outcome_changed))


def test_weekday_and_minute_of_day() -> None:
    flight = Flight(carrier="UA", origin="EWR", dest="ORD", month=7, day=4, sched_dep_time=1745, distance=719)
    named = dict(zip(features.FEATURES, features.row(flight), strict=True))
    assert named["weekday"] == 3, "4 July 2013 was a Thursday"
    assert named["minute_of_day"] == 17 * 60 + 45
    assert np.isnan(named["temp"])
