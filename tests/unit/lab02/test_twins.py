"""Lab 02's twins: other right ways to write a place of the reference, laid over it with and without a fault."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.grading.fault import read_faults
from tests.judges import judge_of

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "labs" / "02-testing"
REFERENCE = LAB / "starter"


@pytest.fixture(scope="module")
def twins() -> Iterator[Any]:
    """The lab's module ``judge.twins``, as its fixtures import it."""
    with judge_of("02-testing") as module:
        yield module("twins")


@pytest.fixture(scope="module")
def known(twins: Any) -> Any:
    return twins.read_twins(LAB / "judge" / "twins.toml")


def test_each_twin_fits_the_reference_and_is_other_code(known: Any) -> None:
    for twin in known:
        text = (REFERENCE / twin.file).read_text()
        assert text.count(twin.old) == 1, twin
        for new in twin.new:
            changed = text.replace(twin.old, new)
            assert changed != text
            compile(changed, twin.file, "exec")


def test_every_module_that_a_fault_may_break_has_twins(known: Any) -> None:
    broken = {
        edit.file for path in (LAB / "faults").glob("*.toml") for fault in read_faults(path) for edit in fault.edits
    }
    assert broken <= {twin.file for twin in known}


def test_no_twin_is_a_fault(known: Any) -> None:
    faulty = {
        edit.new.strip() for path in (LAB / "faults").glob("*.toml") for f in read_faults(path) for edit in f.edits
    }
    assert not {new.strip() for twin in known for new in twin.new} & faulty


def test_a_text_always_changes_and_not_always_in_the_same_way(twins: Any, known: Any) -> None:
    for file in sorted({twin.file for twin in known}):
        text = (REFERENCE / file).read_text()
        laid = [twins.with_twins(text, file, known, random.Random(seed)) for seed in range(12)]
        assert text not in laid
        assert len(set(laid)) > 3
        assert laid[5] == twins.with_twins(text, file, known, random.Random(5))


def test_a_place_that_is_gone_is_left_alone(twins: Any) -> None:
    pair = (twins.Twin("a.py", "x = 1", ("x = 2 - 1",)), twins.Twin("b.py", "y = 1", ("y = 3 - 2",)))
    assert twins.with_twins("x = 3\ny = 1\n", "a.py", pair, random.Random(0)) == "x = 3\ny = 1\n"
    assert twins.with_twins("x = 1\nx = 1\n", "a.py", pair, random.Random(0)) == "x = 1\nx = 1\n"
    assert twins.with_twins("x = 1\ny = 1\n", "a.py", pair, random.Random(0)) == "x = 2 - 1\ny = 1\n"
