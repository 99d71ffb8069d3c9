"""The plot of an incident on lab 10's page is what the replay and the reference rules give now."""

from __future__ import annotations

import subprocess
import sys

import pytest

from .conftest import ROOT

PLOT = ROOT / "docs/assets/10-monitoring-incident.svg"


@pytest.mark.slow
@pytest.mark.needs("promtool")
def test_the_plot_of_the_incident_is_drawn_from_the_rules() -> None:
    before = PLOT.read_bytes()
    try:
        done = subprocess.run(
            [sys.executable, "labs/10-monitoring/plot_incident.py"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        drawn = PLOT.read_bytes()
    finally:
        PLOT.write_bytes(before)
    assert drawn == before, "run: .venv/bin/python labs/10-monitoring/plot_incident.py"
    words = drawn.decode()
    assert [f"minute {minute}<" in words for minute in (6, 8, 12)] == [True] * 3
