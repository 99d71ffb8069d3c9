"""All unit tests as TestCases."""

import unittest
from datetime import date, datetime, timedelta, timezone

from flightdelay import calendar, clock, distance, weather
from flightdelay.validation import InvalidFlight, add_flight, validate

GOOD = dict(carrier="B6", origin="JFK", dest="SFO", date="2013-03-01", sched_dep=1730, distance=2586)


class Clock(unittest.TestCase):
    def test_minutes(self):
        self.assertEqual([clock.to_minutes(t) for t in (0, 1, 130, 2359, 2400)], [0, 1, 90, 1439, 0])
        for bad in (-1, 1275, 2401, 60):
            self.assertRaises(ValueError, clock.to_minutes, bad)

    def test_add(self):
        self.assertEqual(clock.add_minutes(2355, 10), 5)
        self.assertEqual(clock.add_minutes(5, -10), 2355)

    def test_delay(self):
        for scheduled, actual, minutes in ((2350, 20, 30), (20, 2350, -30), (900, 900, 0), (0, 1200, 720), (2400, 1, 1)):
            with self.subTest(scheduled=scheduled):
                self.assertEqual(clock.delay_minutes(scheduled, actual), minutes)

    def test_late(self):
        self.assertFalse(clock.is_late(1200, 1214))
        self.assertTrue(clock.is_late(1200, 1215))
        self.assertTrue(clock.is_late(2359, 30))

    def test_mean(self):
        self.assertEqual(clock.mean_delay([2, 3]), 3)
        self.assertEqual(clock.mean_delay([4, 5]), 5)
        self.assertEqual(clock.mean_delay([30, None, 10]), 20)
        self.assertIsNone(clock.mean_delay([None]))


class Calendar(unittest.TestCase):
    def test_features(self):
        self.assertEqual(
            calendar.calendar_features(date(2012, 12, 31)),
            {"month": 12, "weekday": 1, "day_of_year": 366, "weekend": False},
        )
        self.assertEqual(calendar.calendar_features(date(2012, 3, 1))["day_of_year"], 61)

    def test_holidays(self):
        days = [date(2013, 12, 25), date(2013, 7, 4)]
        self.assertEqual(calendar.days_to_holiday(date(2013, 7, 1), days), 3)
        self.assertEqual(days, [date(2013, 12, 25), date(2013, 7, 4)])

    def test_local_date(self):
        evening = datetime(2013, 1, 2, 3, 0, tzinfo=timezone.utc)
        self.assertEqual(calendar.local_date(evening, -5), date(2013, 1, 1))
        with self.assertRaises(ValueError):
            calendar.local_date(datetime(2013, 1, 2, 3, 0), -5)


class Distance(unittest.TestCase):
    def test_km(self):
        self.assertAlmostEqual(distance.to_km(1000), 1609.3, places=6)

    def test_bucket(self):
        names = [distance.bucket(miles) for miles in (499, 500, 1499, 1500)]
        self.assertEqual(names, ["short", "medium", "medium", "long"])

    def test_shares(self):
        self.assertTrue(distance.is_distribution([0.1] * 10))
        self.assertFalse(distance.is_distribution([0.6, 0.6]))
        self.assertFalse(distance.is_distribution([1.2, -0.2]))


class Weather(unittest.TestCase):
    def setUp(self):
        self.at = datetime(2013, 5, 5, 10)

    def row(self, minutes, origin="EWR", temp_c=20.0, wind_kmh=5.0):
        return {"origin": origin, "time": self.at + timedelta(minutes=minutes), "temp_c": temp_c, "wind_kmh": wind_kmh}

    def test_nearest(self):
        self.assertEqual(weather.nearest([self.row(20), self.row(-20)], self.at), self.row(-20))
        self.assertEqual(weather.nearest([self.row(60)], self.at), self.row(60))
        self.assertIsNone(weather.nearest([self.row(61)], self.at))

    def test_missing(self):
        self.assertEqual(weather.features(None), {"temp_c": None, "wind_kmh": None, "weather_missing": True})
        self.assertIsNone(weather.features(self.row(0, temp_c=None))["temp_c"])

    def test_store(self):
        store = weather.WeatherStore([self.row(0, "EWR", 1.0), self.row(0, "LGA", 2.0)])
        self.assertEqual([store.at(name, self.at)["temp_c"] for name in ("EWR", "LGA")], [1.0, 2.0])


class Validation(unittest.TestCase):
    def test_codes(self):
        self.assertEqual(validate(GOOD | {"carrier": "b6"}), GOOD)

    def test_unknown(self):
        with self.assertRaises(InvalidFlight) as caught:
            validate(GOOD | {"gate": 4})
        self.assertEqual(list(caught.exception.errors), ["gate"])

    def test_batches(self):
        add_flight(GOOD)
        self.assertEqual(add_flight(GOOD), [GOOD])
