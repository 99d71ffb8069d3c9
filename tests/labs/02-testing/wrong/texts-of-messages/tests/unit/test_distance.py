"""Distances: borders of buckets, units, and sums of floats."""

import pytest
from flightdelay.distance import bucket, is_distribution, to_km


@pytest.mark.parametrize(("miles", "km"), [(0, 0), (100, 160.9), (1000, 1609.3), (187, 300.9)])
def test_to_km(miles, km):
    assert to_km(miles) == pytest.approx(km)


@pytest.mark.parametrize(("miles", "name"), [(0, "short"), (499.9, "short"), (500, "medium"), (1499, "medium"), (1500, "long"), (2475, "long")])
def test_bucket(miles, name):
    assert bucket(miles) == name


@pytest.mark.parametrize("function", [to_km, bucket])
def test_negative_distance_is_refused(function):
    with pytest.raises(ValueError, match="a distance is not negative"):
        function(-1)


@pytest.mark.parametrize(
    ("shares", "good"),
    [([1.0], True), ([0.1] * 10, True), ([0.5, 0.4], False), ([1.5, -0.5], False), ([0.5, 0.5001], False), ([], False)],
)
def test_is_distribution(shares, good):
    assert is_distribution(shares) is good
