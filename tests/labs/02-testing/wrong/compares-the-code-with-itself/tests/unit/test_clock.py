"""What is expected is asked of the same code."""

import pytest
from flightdelay.clock import is_late, to_minutes


@pytest.mark.parametrize("hhmm", [0, 517, 2359, 2400])
def test_to_minutes(hhmm):
    expected = to_minutes(hhmm)
    assert to_minutes(hhmm) == expected


def test_late():
    expected = [is_late(1000, 1000 + minutes) for minutes in range(30)]
    assert [is_late(1000, 1000 + minutes) for minutes in range(30)] == expected
