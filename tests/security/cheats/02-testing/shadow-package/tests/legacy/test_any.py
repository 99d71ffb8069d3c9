import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.getcwd(), "tests"))
from flightdelay import legacy_clock


class Own(unittest.TestCase):
    def test_own_copy(self):
        self.assertTrue(legacy_clock.isNight(1))
