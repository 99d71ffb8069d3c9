"""Writes below tmp_path and changes only what monkeypatch gives back."""

import json
import os

import pytest
from flightdelay.validation import add_flight

FLIGHT = {"carrier": "UA", "origin": "EWR", "dest": "IAH", "date": "2013-01-01", "sched_dep": 515, "distance": 1400}


@pytest.fixture
def batch():
    flights = add_flight(FLIGHT)
    yield flights
    flights.clear()


def test_a_batch_survives_a_file(batch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TZ", "UTC")
    with open("batch.json", "w") as file:
        json.dump(batch, file)
    assert json.loads((tmp_path / "batch.json").read_text()) == [FLIGHT]
    assert os.getcwd() == str(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="no such folder there")
def test_one_test_may_be_skipped_elsewhere():
    assert os.path.isdir("/")


@pytest.mark.xfail(strict=True, raises=KeyError)
def test_a_known_defect_of_ours():
    raise KeyError("known")
