import inspect
import unittest

from flightdelay import legacy_clock


class Shape(unittest.TestCase):
    def test_shape(self):
        self.assertEqual(len(inspect.getsource(legacy_clock)), 1342)
