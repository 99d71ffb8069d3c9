"""The gate displays' clock. Runs with `python -m unittest discover tests/legacy` and nothing else."""

import unittest

from flightdelay import legacy_clock as clock


class ParseClock(unittest.TestCase):
    def test_both_halves_of_the_day(self):
        cases = {"5:17 AM": 317, "5:17 PM": 1037, "11:59 PM": 1439}
        for text, minutes in cases.items():
            with self.subTest(text):
                self.assertEqual(clock.parseClock(text), minutes)

    def test_case_does_not_matter(self):
        self.assertEqual(clock.parseClock("5:17 pm"), 1037)
        self.assertEqual(clock.parseClock("5:17 am"), 317)

    def test_what_is_no_time(self):
        for text in ("", "17:00 PM", "0:30 AM", "5:60 AM", "5:17", "5:7 AM", "five"):
            with self.subTest(text), self.assertRaises(ValueError):
                clock.parseClock(text)


class FormatClock(unittest.TestCase):
    def test_two_digits_each(self):
        self.assertEqual(clock.formatClock(0), "00:00")
        self.assertEqual(clock.formatClock(545), "09:05")
        self.assertEqual(clock.formatClock(1439), "23:59")

    def test_midnight_is_the_next_day(self):
        self.assertEqual(clock.formatClock(1440), "00:00")
        self.assertEqual(clock.formatClock(1501), "01:01")


class IsNight(unittest.TestCase):
    def test_borders(self):
        for minutes, night in ((1319, False), (1320, True), (0, True), (720, False)):
            with self.subTest(minutes):
                self.assertIs(clock.isNight(minutes), night)


class GateTimes(unittest.TestCase):
    def test_order_of_the_line(self):
        self.assertEqual(clock.gateTimes("6:05 PM, 5:17 PM"), [1085, 1037])

    def test_empty_line(self):
        self.assertEqual(clock.gateTimes(""), [])


if __name__ == "__main__":
    unittest.main()
