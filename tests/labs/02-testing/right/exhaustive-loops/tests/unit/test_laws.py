"""Laws that hold for every minute, day and mile, checked for all of them."""

import itertools
import random
from datetime import UTC, date, datetime, timedelta

import pytest
from flightdelay import calendar, clock, distance, validation, weather

TIMES = [hours * 100 + minutes for hours in range(24) for minutes in range(60)]


class TestClock:
    def test_every_minute_there_and_back(self):
        for minute, hhmm in enumerate(TIMES):
            assert clock.to_minutes(hhmm) == minute
            assert clock.add_minutes(0, minute) == hhmm
        assert clock.to_minutes(2400) == 0

    def test_everything_else_is_refused(self):
        for hhmm in set(range(-50, 2600)) - set(TIMES) - {2400}:
            with pytest.raises(ValueError):
                clock.to_minutes(hhmm)

    def test_delay_undoes_add(self):
        for hhmm in TIMES[::97]:
            for minutes in range(-719, 721, 7):
                assert clock.delay_minutes(hhmm, clock.add_minutes(hhmm, minutes)) == minutes
                assert clock.is_late(hhmm, clock.add_minutes(hhmm, minutes)) == (minutes >= 15)
            assert clock.is_late(hhmm, clock.add_minutes(hhmm, 15))
            assert clock.delay_minutes(hhmm, clock.add_minutes(hhmm, 720)) == 720

    def test_mean_by_hand(self):
        for total, number in itertools.product(range(-20, 40), range(1, 5)):
            # Halves upwards, in whole numbers only.
            expected = (2 * total + number) // (2 * number)
            assert clock.mean_delay([total, None] + [0] * (number - 1)) == expected


class TestCalendar:
    def test_three_years_day_by_day(self):
        day, count = date(2011, 1, 1), 0
        while day.year < 2014:
            count = 1 if (day.month, day.day) == (1, 1) else count + 1
            seen = calendar.calendar_features(day)
            assert seen["day_of_year"] == count
            assert seen["month"] == int(day.strftime("%m"))
            assert seen["weekday"] == int(day.strftime("%u"))
            assert seen["weekend"] == (day.strftime("%a") in ("Sat", "Sun"))
            day += timedelta(days=1)

    def test_holidays_in_any_order(self):
        days = [date(2013, 1, 1), date(2013, 7, 4), date(2013, 12, 25)]
        for order in itertools.permutations(days):
            given = list(order)
            assert calendar.days_to_holiday(date(2013, 7, 4), given) == 0
            assert calendar.days_to_holiday(date(2013, 7, 5), given) == 173
            assert given == list(order)

    def test_every_hour_of_a_day(self):
        for hour in range(24):
            moment = datetime(2013, 6, 10, hour, tzinfo=UTC)
            assert calendar.local_date(moment, -4) == date(2013, 6, 9 if hour < 4 else 10)


class TestDistance:
    def test_every_mile(self):
        for miles in range(3000):
            assert distance.bucket(miles) == ("short" if miles < 500 else "medium" if miles < 1500 else "long")
            assert abs(distance.to_km(miles) - miles * 1.609344) <= 0.0501

    def test_equal_shares(self):
        for number in range(1, 200):
            assert distance.is_distribution([1 / number] * number)
            assert not distance.is_distribution([1 / number] * number + [0.01])


class TestWeather:
    def test_against_the_slow_way(self):
        rng, noon = random.Random(5), datetime(2013, 1, 1, 12)
        for _ in range(200):
            minutes = rng.sample(range(-100, 101), rng.randint(0, 6)) + [30, -30][: rng.randint(0, 2)]
            rows = [{"origin": "JFK", "time": noon + timedelta(minutes=m), "temp_c": m, "wind_kmh": None} for m in set(minutes)]
            rng.shuffle(rows)
            best = sorted((abs(m), m) for m in set(minutes) if abs(m) <= 60)
            seen = weather.nearest(rows, noon)
            assert (seen["temp_c"] if seen else None) == (best[0][1] if best else None)

    def test_draw(self):
        noon = datetime(2013, 1, 1, 12)
        rows = [{"origin": "JFK", "time": noon + timedelta(minutes=m), "temp_c": m, "wind_kmh": None} for m in (9, -9)]
        assert weather.nearest(rows, noon)["temp_c"] == -9
        assert weather.nearest(rows[::-1], noon)["temp_c"] == -9

    def test_all_gaps(self):
        for temp, wind in itertools.product((None, 0, 7.5), repeat=2):
            row = {"origin": "JFK", "time": datetime(2013, 1, 1), "temp_c": temp, "wind_kmh": wind}
            assert weather.features(row) == {"temp_c": temp, "wind_kmh": wind, "weather_missing": None in (temp, wind)}

    def test_three_airports(self):
        moment = datetime(2013, 1, 1)
        rows = [{"origin": o, "time": moment, "temp_c": t, "wind_kmh": 1} for t, o in enumerate(("EWR", "JFK", "LGA"))]
        store = weather.WeatherStore(rows)
        assert [store.at(o, moment)["temp_c"] for o in ("EWR", "JFK", "LGA")] == [0, 1, 2]


class TestValidation:
    GOOD = {"carrier": "DL", "origin": "LGA", "dest": "ATL", "date": "2013-08-09", "sched_dep": 600, "distance": 762}

    def test_cases_of_letters(self):
        for carrier in ("dl", "Dl", "dL", "DL"):
            assert validation.validate({**self.GOOD, "carrier": carrier})["carrier"] == "DL"

    def test_extra_fields(self):
        for extra in ("x", "arr_delay", "Carrier"):
            with pytest.raises(validation.InvalidFlight) as caught:
                validation.validate({**self.GOOD, extra: 1})
            assert extra in caught.value.errors

    def test_batches_do_not_grow_by_themselves(self):
        assert [len(validation.add_flight(self.GOOD)) for _ in range(3)] == [1, 1, 1]
