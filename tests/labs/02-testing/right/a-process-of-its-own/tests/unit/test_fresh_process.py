"""Import has no side effect, and neither the time zone nor the clock of the machine matters."""

import subprocess
import sys
import time
from datetime import UTC, date, datetime

import pytest
from flightdelay import calendar


def in_a_fresh_process(program, **environment):
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=20, check=True, env=environment or None
    )
    return finished.stdout.strip(), finished.stderr.strip()


@pytest.mark.parametrize("module", ["clock", "calendar", "distance", "weather", "validation"])
def test_import_says_nothing(module):
    assert in_a_fresh_process(f"import flightdelay.{module}") == ("", "")


def test_answer_of_a_fresh_process():
    assert in_a_fresh_process("from flightdelay.clock import to_minutes; print(to_minutes(2400))") == ("0", "")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_zone_of_the_machine_does_not_matter(monkeypatch, zone):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        assert calendar.local_date(datetime(2013, 7, 5, 2, 30, tzinfo=UTC), -4) == date(2013, 7, 4)
    time.tzset()
