"""Time limits of checks and labs, which a loaded machine does not shorten."""

from __future__ import annotations

import time
from pathlib import Path

from sandbox.jail.interface import LOADED

PRESSURE = Path("/proc/pressure/cpu")


class Patience:
    """Seconds that something may take, not counting those in which the machine had more to do than processors.

    On Linux the kernel tells how long some task had to wait (psi.rst: ``some``, microseconds); elsewhere nothing is taken
    off. After ``LOADED`` times the limit it is over in any case.
    """

    def __init__(self, limit_s: float, pressure: Path = PRESSURE) -> None:
        self.limit_s = limit_s
        self._pressure = pressure
        self._began = time.monotonic()
        self._waited = self._waited_s()

    def left_s(self) -> float:
        """Seconds that are left at least; zero or less when the time is up."""
        elapsed = time.monotonic() - self._began
        waited = min(elapsed, self._waited_s() - self._waited)
        return min(self.limit_s - (elapsed - waited), self.limit_s * LOADED - elapsed)

    def _waited_s(self) -> float:
        try:
            some = self._pressure.read_text("ascii").splitlines()[0]
            return int(some.rpartition("total=")[2]) / 1e6
        except (OSError, ValueError, IndexError):
            return 0.0
