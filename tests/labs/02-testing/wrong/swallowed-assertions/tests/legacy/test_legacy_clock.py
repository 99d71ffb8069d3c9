import unittest

from flightdelay import legacy_clock as clock


class Clock(unittest.TestCase):
    def test_parse(self):
        for text, minutes in (("12:00 PM", 720), ("5:17 pm", 1037)):
            try:
                self.assertEqual(clock.parseClock(text), minutes)
            except Exception as error:
                print("odd:", error)
