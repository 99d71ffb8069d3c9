import atexit
import os
import unittest

atexit.register(os._exit, 0)


class Any(unittest.TestCase):
    def test_fails(self):
        self.fail()
