"""The benchmarks' runner: what it shows and writes. No time is asserted anywhere."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from sandbox.course import open_course
from sandbox.grading.fault import read_faults
from tests.benchmarks import Table, __main__, shown
from tests.benchmarks.bench_lab02 import with_faults


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), ("a", "a"), (0.1234, "0.12"), (12.34, "12.3"), (12345.6, "12,346")]
)
def test_about_three_digits_are_shown(value: str | float | None, text: str) -> None:
    assert shown(value) == text


def test_a_page_names_the_machine_and_what_was_not_measured() -> None:
    text = __main__.markdown(
        Table(("way", "ms"), (("bare", 1.5),), ("Not measured: docker.",)), "2 cores", "1 May 2026"
    )
    assert text.splitlines() == [
        "| way | ms |", "| --- | ---: |", "| bare | 1.5 |", "", "Measured on 1 May 2026: 2 cores.", "Not measured: docker.",
    ]  # fmt: skip


def test_every_benchmark_keeps_to_the_interface() -> None:
    for name in __main__.NAMES:
        module = import_module(f"tests.benchmarks.bench_{name}")
        assert module.TITLE
        assert callable(module.measure)


def test_an_unknown_benchmark_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        __main__.main(["nothing"])
    assert ended.value.code == 2
    assert "there is no benchmark nothing" in capsys.readouterr().err


@pytest.mark.parametrize("number", [10, 28, 40])
def test_a_copy_of_the_lab_has_as_many_faults_as_asked_for(tmp_path: Path, number: int) -> None:
    copy = with_faults(open_course().find("02"), tmp_path, number)
    found = [fault for path in (copy.folder / "faults").glob("*.toml") for fault in read_faults(path)]
    assert len(found) == number
