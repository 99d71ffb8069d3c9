"""Tables with a base class, and one that is skipped in part."""

import sys

from flightdelay import legacy_clock
from helpers import Table


class Parse(Table):
    @classmethod
    def make(cls):
        return [(f"{hour % 12 or 12}:00 {'AP'[hour // 12]}M", hour * 60) for hour in range(24)]

    def test_hours(self):
        for text, minutes in self.rows:
            with self.subTest(text):
                self.assertEqual(legacy_clock.parseClock(text), minutes)

    def test_some_are_of_no_use_here(self):
        for version in ((3, 0), (3, 99)):
            with self.subTest(version):
                if sys.version_info < version:
                    self.skipTest("not yet")
                self.assertEqual(legacy_clock.formatClock(61), "01:01")
