"""Tests of flightdelay.legacy_clock for `python -m unittest discover tests/legacy`; no pytest here."""
