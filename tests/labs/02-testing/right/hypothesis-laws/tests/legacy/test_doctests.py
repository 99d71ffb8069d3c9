"""Examples in a docstring and in a text file, run by unittest.

>>> from flightdelay.legacy_clock import formatClock, gateTimes, isNight, parseClock
>>> parseClock("12:00 PM"), parseClock("12:00 AM"), parseClock("5:17 pm")
(720, 0, 1037)
>>> formatClock(545), formatClock(1440)
('09:05', '00:00')
>>> isNight(359), isNight(360), isNight(1319), isNight(1320)
(True, False, False, True)
>>> gateTimes("5:17 PM, 6:05 PM")
[1037, 1085]
"""

import doctest
import unittest


class Anything(unittest.TestCase):
    def test_the_module_can_be_imported(self):
        import flightdelay.legacy_clock

        self.assertTrue(flightdelay.legacy_clock.__doc__ is None or flightdelay.legacy_clock.__doc__)


def load_tests(loader, tests, pattern):
    tests.addTests(doctest.DocTestSuite())
    tests.addTests(doctest.DocFileSuite("clock_examples.txt"))
    return tests
