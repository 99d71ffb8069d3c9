"""The kit's command as a process of its own, of the checkout that the tests belong to."""

from __future__ import annotations

import sys

LAB = (sys.executable, "-c", "from sandbox.cli import main; main()")
