"""A base class for the tables."""

import unittest


class Table(unittest.TestCase):
    maxDiff = None
    rows = ()

    @classmethod
    def setUpClass(cls):
        cls.rows = tuple(cls.make())

    @classmethod
    def make(cls):
        return ()
