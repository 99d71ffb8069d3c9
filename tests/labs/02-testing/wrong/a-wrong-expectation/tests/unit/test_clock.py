"""Clock arithmetic: each test stands on a border, or next to one."""

import pytest
from flightdelay.clock import add_minutes, delay_minutes, is_late, mean_delay, to_minutes


@pytest.mark.parametrize(("hhmm", "minutes"), [(0, 0), (517, 317), (59, 59), (100, 60), (2359, 1439), (2400, 0)])
def test_to_minutes(hhmm, minutes):
    assert to_minutes(hhmm) == minutes


@pytest.mark.parametrize("hhmm", [-1, 60, 1260, 1275, 2360, 2401, 9999])
def test_to_minutes_refuses_what_is_no_time(hhmm):
    with pytest.raises(ValueError):
        to_minutes(hhmm)


@pytest.mark.parametrize(
    ("hhmm", "minutes", "result"), [(517, 5, 522), (2350, 15, 5), (5, -10, 2355), (2359, 1, 0), (2400, 0, 0), (100, 2880, 100)]
)
def test_add_minutes_goes_round_the_clock(hhmm, minutes, result):
    assert add_minutes(hhmm, minutes) == result


@pytest.mark.parametrize(
    ("scheduled", "actual", "delay"),
    [
        (1200, 1200, 0),
        (1200, 1215, 15),
        (1200, 1155, -5),
        (2355, 10, 15),
        (5, 2350, -15),
        (2400, 10, 10),
        (600, 1800, 720),
        (1800, 600, 720),
        (600, 1801, -719),
    ],
)
def test_delay_takes_the_short_way_round(scheduled, actual, delay):
    assert delay_minutes(scheduled, actual) == delay


@pytest.mark.parametrize(("actual", "late"), [(1014, False), (1015, True), (1016, True), (955, False)])
def test_late_begins_at_fifteen_minutes(actual, late):
    assert is_late(1000, actual) is late


def test_late_over_midnight():
    assert is_late(2350, 5)
    assert not is_late(2350, 4)


@pytest.mark.parametrize(
    ("delays", "mean"), [([10, 20], 15), ([0, 1], 1), ([2, 3], 2), ([-1, 0], 0), ([1, 1, 2], 1), ([10, None], 10), ([None], None), ([], None)]
)
def test_mean_delay(delays, mean):
    assert mean_delay(delays) == mean
