import unittest

from flightdelay.legacy_clock import formatClock, isNight, parseClock


class Test(unittest.TestCase):
    def test(self):
        self.assertEqual([parseClock("12:00 PM"), parseClock("1:00 pm")], [720, 780])
        self.assertEqual([formatClock(60), formatClock(1440)], ["01:00", "00:00"])
        self.assertFalse(isNight(360))
