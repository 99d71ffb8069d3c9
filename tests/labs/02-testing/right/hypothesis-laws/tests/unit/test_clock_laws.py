"""Laws that hold for every time of day, tried by hypothesis."""

from math import floor

import pytest
from flightdelay.clock import add_minutes, delay_minutes, is_late, mean_delay, to_minutes

pytest.importorskip("hypothesis")

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

settings.register_profile("steady", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("steady")

times = st.builds(lambda hour, minute: hour * 100 + minute, st.integers(0, 23), st.integers(0, 59)) | st.just(2400)


@given(times)
@example(2400)
def test_a_minute_of_the_day(hhmm):
    assert to_minutes(hhmm) == (hhmm // 100 * 60 + hhmm % 100) % 1440


@given(st.integers(-10_000, 10_000))
@example(2401)
@example(2360)
@example(-1)
def test_all_else_is_refused(number):
    assume(not (0 <= number <= 2400 and number % 100 < 60))
    try:
        to_minutes(number)
    except ValueError:
        return
    raise AssertionError(f"{number} was taken")


@given(times, st.integers(-719, 720))
@example(2350, 15)
@example(5, -15)
def test_a_delay_undoes_an_addition(hhmm, minutes):
    assert delay_minutes(hhmm, add_minutes(hhmm, minutes)) == minutes


@given(times, st.integers(-719, 720))
@example(1000, 15)
@example(1000, 14)
def test_late(hhmm, minutes):
    assert is_late(hhmm, add_minutes(hhmm, minutes)) == (minutes >= 15)


@given(st.lists(st.none() | st.integers(-500, 500), max_size=8))
@example([2, 3])
@example([None, 0, 7])
@example([])
def test_mean(delays):
    flown = [delay for delay in delays if delay is not None]
    assert mean_delay(delays) == (floor(sum(flown) / len(flown) + 0.5) if flown else None)
