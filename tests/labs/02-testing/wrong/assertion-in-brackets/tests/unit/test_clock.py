"""Each assertion is a pair, and a pair is true."""

from flightdelay.clock import is_late, to_minutes


def test_to_minutes():
    assert (to_minutes(517) == 317, "5:17 is minute 317")


def test_late():
    assert (is_late(1000, 1015) is True, "15 minutes count as late")
