"""The old machine starts the module anew for each line."""

import subprocess
import sys
import unittest


class Fresh(unittest.TestCase):
    def test_line(self):
        program = "from flightdelay.legacy_clock import gateTimes; print(gateTimes('12:00 PM, 5:17 pm'))"
        seen = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
        self.assertEqual(seen.stdout.strip(), "[720, 1037]")
