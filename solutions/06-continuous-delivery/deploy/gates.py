"""What a candidate must pass before it is started: its papers, then its quality against production."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flightdelay.evaluate import Flight, model_auc
from flightdelay.model import KNOWN_AT_DEPARTURE, features, load

TOO_GOOD = 0.95
MOST_LOST_ON_A_CARRIER = 0.05


class Blocked(Exception):
    """The candidate must not go out. `reason` is a word of the contract."""

    def __init__(self, reason: str, why: str) -> None:
        super().__init__(why)
        self.reason = reason


@dataclass(frozen=True)
class Candidate:
    """The two files as they are, never written again: what is evaluated is what is started."""

    model: str
    card: str

    @property
    def papers(self) -> dict[str, Any]:
        table: dict[str, Any] = json.loads(self.card)
        return table


def check(candidate: Candidate, production: str, flights: Sequence[Flight]) -> None:
    """Raise `Blocked` for the first thing that is wrong."""
    digest = hashlib.sha256(candidate.model.encode()).hexdigest()
    if digest != candidate.papers["model_sha256"]:
        raise Blocked("hash", f"the model file is {digest[:12]}, its card says {candidate.papers['model_sha256'][:12]}")
    if seen := {int(flight["month"]) for flight in flights} & set(candidate.papers["trained_months"]):
        raise Blocked("months", f"trained on months that it is evaluated on: {sorted(seen)}")
    new, old = load(candidate.model), load(production)
    if unknown := features(new) - set(KNOWN_AT_DEPARTURE):
        raise Blocked("leak", f"uses what nobody knows at departure: {', '.join(sorted(unknown))}")
    here, there = model_auc(new, flights), model_auc(old, flights)
    if here > TOO_GOOD:
        raise Blocked("leak", f"an AUC of {here:.3f} is too good to be true")
    if here <= there:
        raise Blocked("worse", f"AUC {here:.3f}, production has {there:.3f}")
    for carrier in sorted({flight["carrier"] for flight in flights}):
        rows = [flight for flight in flights if flight["carrier"] == carrier]
        here, there = model_auc(new, rows), model_auc(old, rows)
        if there - here > MOST_LOST_ON_A_CARRIER:
            raise Blocked("carrier", f"AUC on {carrier} falls from {there:.3f} to {here:.3f}")
