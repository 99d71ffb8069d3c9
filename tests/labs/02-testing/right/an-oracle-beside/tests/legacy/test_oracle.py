"""Every minute of the day, against datetime."""

import unittest
from datetime import datetime, timedelta

from flightdelay.legacy_clock import formatClock, gateTimes, isNight, parseClock

START = datetime(2013, 1, 1)


class EveryMinute(unittest.TestCase):
    def test_there_and_back(self):
        for minute in range(1440):
            moment = START + timedelta(minutes=minute)
            for text in (moment.strftime("%I:%M %p"), moment.strftime("%I:%M %p").lower().lstrip("0")):
                self.assertEqual(parseClock(text), minute, text)
            self.assertEqual(formatClock(minute), moment.strftime("%H:%M"))
            self.assertEqual(formatClock(minute + 1440), moment.strftime("%H:%M"))
            self.assertEqual(isNight(minute), moment.hour >= 22 or moment.hour < 6)

    def test_lines(self):
        self.assertEqual(gateTimes(", ".join(["1:00 AM"] * 3)), [60] * 3)
