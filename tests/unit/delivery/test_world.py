"""Lab 06's candidates: each bad one is bad for the reason that the contract names, and for no other."""

from __future__ import annotations

import ast
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.judges import judge_of

LAB = Path(__file__).resolve().parents[3] / "labs/06-continuous-delivery"


@pytest.fixture(autouse=True)
def _lab_on_path() -> Iterator[None]:
    with judge_of("06-continuous-delivery"):
        yield


@pytest.mark.parametrize("seed", range(4))
def test_every_candidate_is_wrong_in_one_way(seed: int) -> None:
    from judge.world import CARRIERS, World, features

    known = {"hour", "distance", "wind", "visibility", "precip", "temp", "month"}
    world = World(random.Random(seed))
    production = json.loads(world.first.model)
    kinds = {
        "better": "", "more-features": "", "weak-there-too": "", "worse": "worse", "one-carrier": "carrier",
        "strong-carrier": "carrier", "leak": "leak", "leak-for-one": "leak", "hash": "hash", "months": "months",
    }  # fmt: skip
    for kind, reason in kinds.items():
        package = world.candidate(kind, random.Random(f"{seed}:{kind}"))
        model, card = json.loads(package.model), json.loads(package.card)
        falls = [world.auc(production, carrier) - world.auc(model, carrier) for carrier in CARRIERS]
        gain = world.auc(model) - world.auc(production)
        wrong = {
            "hash": hashlib.sha256(package.model.encode()).hexdigest() != card["model_sha256"],
            "months": bool(set(card["trained_months"]) & set(world.months)),
            "leak": not features(model) <= known or world.auc(model) > 0.95,
            "worse": gain <= 0,
            "carrier": max(falls) > 0.05,
        }
        assert [name for name, holds in wrong.items() if holds] == ([reason] if reason else []), kind
        assert reason == "worse" or gain > 0.015, kind


@pytest.mark.parametrize("seed", range(4))
def test_only_productions_own_number_tells_about_a_carrier(seed: int) -> None:
    from judge.world import CARRIERS, World

    world = World(random.Random(seed))
    production = json.loads(world.first.model)
    average = world.auc(production)
    good, bad = (
        json.loads(world.candidate(kind, random.Random(seed)).model) for kind in ("weak-there-too", "strong-carrier")
    )
    # Held against production's average, the good one would be blocked and the bad one not; a floor blocks both or none.
    assert world.auc(good, world.weak) < average - 0.06
    assert world.auc(bad, world.strong) > average - 0.04
    assert world.auc(bad, world.strong) > world.auc(good, world.weak) + 0.03
    # And by production's own number there, both are clear.
    assert max(world.auc(production, carrier) - world.auc(good, carrier) for carrier in CARRIERS) <= 0.03
    assert world.auc(production, world.strong) - world.auc(bad, world.strong) > 0.06


def test_errors_come_late_and_in_any_fifty_answers() -> None:
    """Slots run by themselves: read the two numbers from the file."""
    tree = ast.parse((LAB / "judge/machine/slot.py").read_text("utf-8"))
    failing, period = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and "FAILING" in ast.unparse(node.targets[0])
    )
    fails = [number % period in failing for number in range(1, 301)]
    assert not any(fails[:30]), "the page says that the first 30 need not have one"
    assert {sum(fails[begin : begin + 50]) for begin in range(250)} == {3}
