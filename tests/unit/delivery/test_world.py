"""Lab 06's candidates: each bad one is bad for the reason that the contract names, and for no other."""

from __future__ import annotations

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
        "better": "", "more-features": "", "worse": "worse", "one-carrier": "carrier", "leak": "leak", "leak-for-one": "leak",
        "hash": "hash", "months": "months",
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
