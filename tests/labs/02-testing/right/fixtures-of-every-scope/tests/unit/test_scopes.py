"""Everything that a fixture can be."""

import random
import sys

import pytest
from flightdelay import clock, validation, weather
from says import takes


@pytest.fixture(scope="module")
def store():
    from datetime import datetime

    rows = [{"origin": "JFK", "time": datetime(2013, 1, 1, 12), "temp_c": 0.0, "wind_kmh": 0.0}]
    return weather.WeatherStore(row for row in rows)


@pytest.fixture(params=["EWR", "JFK", "LGA"])
def origin(request):
    return request.param


@pytest.fixture
def count():
    made = []
    yield made
    made.clear()


def test_delay(pair):
    scheduled, actual, minutes = pair
    takes(clock.delay_minutes, (scheduled, actual), minutes)


@pytest.mark.slow
def test_every_pair_of_quarters():
    quarters = [hour * 100 + minute for hour in range(24) for minute in (0, 15, 30, 45)]
    for scheduled in random.Random(3).sample(quarters, 20):
        for actual in quarters:
            assert clock.add_minutes(scheduled, clock.delay_minutes(scheduled, actual)) == actual


class TestValidate:
    def setup_method(self):
        self.batch = []

    @classmethod
    def setup_class(cls):
        cls.known = ("carrier", "origin", "dest", "date", "sched_dep", "distance")

    def test_origin(self, flight, origin):
        assert validation.validate({**flight, "origin": origin.lower()})["origin"] == origin

    def test_a_mapping_is_enough(self, flight):
        assert sorted(validation.validate(flight)) == sorted(self.known)

    def test_batch(self, flight, count):
        for _ in range(2):
            count.append(validation.add_flight(flight, self.batch))
        assert len(self.batch) == len(count) == 2

    @pytest.mark.skipif(sys.version_info < (3, 99), reason="not yet")
    def test_of_tomorrow(self):
        raise AssertionError

    @pytest.mark.xfail(raises=ZeroDivisionError, strict=True, reason="shows that nothing catches it")
    def test_known_to_fail(self):
        1 / 0  # noqa: B018


@pytest.mark.usefixtures("count")
class TestStore:
    def test_zero(self, store):
        import datetime

        assert store.at("JFK", datetime.datetime(2013, 1, 1, 12)) == pytest.approx(
            {"temp_c": 0.0, "wind_kmh": 0.0, "weather_missing": False}
        )

    def test_hour(self, store, subtests):
        import datetime

        for minute in range(0, 60, 20):
            with subtests.test(minute=minute):
                assert store.at("JFK", datetime.datetime(2013, 1, 1, 12, minute))["temp_c"] == 0


def test_output(capsys, caplog, recwarn):
    clock.to_minutes(517)
    assert capsys.readouterr().out == "" and not caplog.records and not recwarn.list
