"""Limits of time do not count what a loaded machine kept from a check."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sandbox.grading.patience import Patience
from sandbox.jail.interface import LOADED


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def pressed(path: Path, seconds: float) -> None:
    total = int(seconds * 1e6)
    path.write_text(
        f"some avg10=1.00 avg60=1.00 avg300=1.00 total={total}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )


def test_a_quiet_machine_gives_just_the_limit(tmp_path: Path, clock: Clock) -> None:
    pressed(tmp_path / "cpu", 50)
    patience = Patience(10, tmp_path / "cpu")
    clock.now += 9
    assert patience.left_s() == pytest.approx(1)
    clock.now += 1
    assert patience.left_s() == pytest.approx(0)


def test_waiting_for_a_processor_does_not_count(tmp_path: Path, clock: Clock) -> None:
    pressed(tmp_path / "cpu", 50)
    patience = Patience(10, tmp_path / "cpu")
    clock.now += 12
    pressed(tmp_path / "cpu", 55)
    assert patience.left_s() == pytest.approx(3)


def test_it_ends_on_the_most_loaded_machine_too(tmp_path: Path, clock: Clock) -> None:
    pressed(tmp_path / "cpu", 50)
    patience = Patience(10, tmp_path / "cpu")
    clock.now += 10 * LOADED
    pressed(tmp_path / "cpu", 10_000)
    assert patience.left_s() == pytest.approx(0)


@pytest.mark.parametrize("text", ["", "some nonsense\n", None])
def test_a_kernel_that_does_not_tell_gives_just_the_limit(tmp_path: Path, clock: Clock, text: str | None) -> None:
    if text is not None:
        (tmp_path / "cpu").write_text(text)
    patience = Patience(10, tmp_path / "cpu")
    clock.now += 10
    assert patience.left_s() == pytest.approx(0)
