"""The data file: whole, typed, what its provenance says; and a clear error where it is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from sandbox.service import data
from sandbox.service.errors import ServiceError


def test_the_year_has_all_its_flights_in_order_of_schedule() -> None:
    year = data.flights(data.ALL_MONTHS, landed=False)
    assert len(year) == 336_776
    when = year.month.astype(int) * 1_000_000 + year.day.astype(int) * 10_000 + year.sched_dep_time
    assert (np.diff(when) >= 0).all()


def test_flights_that_did_not_land_have_no_outcome_and_are_left_out_unless_asked_for() -> None:
    all_of_july, landed = data.flights([7], landed=False), data.flights([7])
    assert len(landed) == all_of_july.landed.sum() < len(all_of_july)
    assert not np.isnan(landed.arr_delay).any()
    assert not all_of_july.late[~all_of_july.landed].any()


def test_late_is_more_than_fifteen_minutes() -> None:
    july = data.flights([7])
    assert july.late[july.arr_delay == 16].all()
    assert not july.late[july.arr_delay == 15].any()
    assert july.late.mean() == pytest.approx(0.315, abs=0.001)


def test_months_are_cut_at_their_ends() -> None:
    assert set(data.flights(range(1, 7)).month) == {1, 2, 3, 4, 5, 6}
    assert len(data.flights([2, 2])) == len(data.flights([2]))


@pytest.mark.parametrize("months", [[], [0], [13], [1, 99]])
def test_a_month_that_is_none_is_refused(months: list[int]) -> None:
    with pytest.raises(ServiceError, match="between 1 and 12"):
        data.flights(months)


def test_a_request_holds_only_what_is_known_before_departure() -> None:
    outcomes = {"dep_delay", "arr_delay", "flight", "sched_arr_time"}
    request = next(data.flights([7]).requests())
    assert tuple(request) == data.REQUEST_FIELDS
    assert not outcomes & set(request)


def test_readings_are_written_as_they_were_measured_and_unknown_ones_as_null() -> None:
    year = data.flights(data.ALL_MONTHS)
    unknown = year[np.isnan(year.pressure) & ~np.isnan(year.temp)][:1]
    request = next(unknown.requests())
    assert request["pressure"] is None
    assert np.float32(request["humid"]) == unknown.humid[0]
    assert len(str(request["humid"])) <= 6


def test_a_sample_is_the_same_for_the_same_seed_and_never_repeats_a_flight() -> None:
    one, again, other = (list(data.sample(7, 500, seed).requests()) for seed in (1, 1, 2))
    assert one == again != other
    assert len(data.sample(7, len(data.flights([7])), seed=1)) == len(data.flights([7]))
    with pytest.raises(ServiceError, match="--count"):
        data.sample(7, 1_000_000, seed=1)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for path in data.FILE.parent.glob("flights.npz*"):
        shutil.copy(path, tmp_path)
    return tmp_path / data.FILE.name


def test_a_cut_file_is_told(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-1000])
    with pytest.raises(ServiceError, match=r"cut or altered.*git checkout"):
        data.flights([1], file=copy)


def test_an_altered_byte_is_told(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(ServiceError, match="SHA-256"):
        data.flights([1], file=copy)


@pytest.mark.parametrize("missing", ["flights.npz", "flights.npz.sha256"])
def test_a_missing_file_is_told(copy: Path, missing: str) -> None:
    (copy.parent / missing).unlink()
    with pytest.raises(ServiceError, match=rf"{missing}.*\n.*git checkout"):
        data.flights([1], file=copy)


def test_the_file_is_small_and_its_provenance_names_it() -> None:
    assert data.FILE.stat().st_size < 5_000_000
    assert data.digest() in (data.FILE.parent / "PROVENANCE.md").read_text("utf-8")
