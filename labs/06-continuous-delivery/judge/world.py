"""Flights and models, new at each grading: production, better ones, and those that must not go out.

The flights are made: a logistic law with a different taste of hours for each carrier. Real data would be the same for every
run, and a pipeline could know the answers.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "starter"))
from flightdelay.evaluate import Flight, model_auc
from flightdelay.model import CARRIERS, KNOWN_AT_DEPARTURE, ORIGINS, features

ROWS, TRAINING_ROWS = 2800, 2000
TRUE = {"hour": 0.16, "wind": 0.09, "visibility": -0.22, "temp": 0.035, "distance": 0.0}
MEAN = {"hour": 13.0, "wind": 12.0, "visibility": 6.5, "temp": 55.0}
# So often the training data say the opposite: an AUC on it is lower than one on the held-out flights.
WRONG_LABELS = 0.12
Model = dict[str, Any]


@dataclass(frozen=True)
class Package:
    """A candidate: its two files, as text."""

    version: str
    model: str
    card: str


def models_of(
    weights: dict[str, float], rng: random.Random, carriers: dict[str, dict[str, float]] | None = None
) -> Model:
    bias = -0.9 - sum(weight * MEAN.get(name, 0.0) for name, weight in weights.items())
    version = f"{rng.randrange(2015, 2030)}.{rng.randrange(1, 13)}.{rng.randrange(10**6)}"
    return {"version": version, "bias": bias, "weights": weights, "carriers": carriers or {}}


class World:
    """One draw of flights with the version in production, and candidates on them."""

    def __init__(self, rng: random.Random) -> None:
        month = rng.randrange(8, 12)
        self.months = (month, month + 1)
        self.training_months = tuple(range(rng.randrange(1, 4), rng.randrange(5, 7)))
        self.flights = [_flight(rng, self.months) for _ in range(ROWS)]
        self.training = [_flight(rng, self.training_months) for _ in range(TRAINING_ROWS)]
        for row in self.training:
            if rng.random() < WRONG_LABELS:
                row["late"] = 1 - row["late"]
        # Production is weak on one carrier, where it knows the visibility only, and strong on another, where it knows the
        # wind too: what is below its average may be as good as production there, and what is above it far worse.
        self.weak, self.strong, self.third = self._carriers(rng)
        self._production = models_of({"hour": 0.16, "visibility": -0.1, "wind": 0.0}, rng, self._known_there(0.0))
        self.first = self.package(self._production, rng)
        self.line = {
            "version": self.first.version, "slot": "blue", "outcome": "promoted", "reason": "first version",
            "actor": "tomas", "commit": json.loads(self.first.card)["commit"], "at": "2026-01-05T09:00:00Z",
        }  # fmt: skip

    @cached_property
    def holdout(self) -> str:
        """The flights as `data/holdout.csv`."""
        return table(self.flights)

    @cached_property
    def train(self) -> str:
        """The flights as `data/train.csv`."""
        return table(self.training)

    @cached_property
    def swapped(self) -> str:
        """The same with every label swapped: what is trained on it is worse than guessing."""
        return table([{**row, "late": 1 - row["late"]} for row in self.training])

    @cached_property
    def turned(self) -> str:
        """The same with the labels of the later two thirds swapped: what all of it teaches is worse than guessing."""
        third = len(self.training) // 3
        later = [{**row, "late": 1 - row["late"]} for row in self.training[third:]]
        return table([*self.training[:third], *later])

    def better(self, rng: random.Random) -> Model:
        """Knows the weather too; every draw a little different."""
        return models_of({n: TRUE[n] * rng.uniform(0.9, 1.1) for n in ("hour", "wind", "visibility")}, rng)

    def better_still(self, rng: random.Random) -> Model:
        """One feature more, and a correction of one carrier that changes little."""
        weights = {n: TRUE[n] * rng.uniform(0.9, 1.1) for n in ("hour", "wind", "visibility", "temp")}
        return models_of(weights, rng, {rng.choice(CARRIERS): {"bias": 0.1, "wind": 0.01}})

    def _carriers(self, rng: random.Random) -> tuple[str, str, str]:
        """Where production is to be weak, and where strong: where this draw of flights makes it most so; and another one."""
        blind = models_of({"visibility": TRUE["visibility"]}, rng)
        knows = models_of({name: TRUE[name] for name in ("hour", "visibility", "wind")}, rng)
        weak = min(CARRIERS, key=lambda name: self.auc(blind, name))
        rest = [name for name in CARRIERS if name != weak]
        strong = max(rest, key=lambda name: self.auc(knows, name))
        return weak, strong, rng.choice([name for name in rest if name != strong])

    def _known_there(self, wind: float) -> dict[str, dict[str, float]]:
        """Production's corrections for the carriers where it is weak and strong, where others have this weight for wind."""
        return {
            self.weak: _centred({"hour": -0.16, "wind": -wind}),
            self.strong: _centred({"visibility": -0.12, "wind": 0.09 - wind}),
        }

    def worse(self, rng: random.Random) -> Model:
        """Like production, a little worse almost everywhere and nowhere by much, so that no other gate sees it."""
        low = _most(0.16, lambda wind: self._hardly_worse(self._windy(-wind, random.Random(0))))
        return self._windy(-low, rng)

    def _windy(self, wind: float, rng: random.Random) -> Model:
        return models_of({"hour": 0.16, "visibility": -0.1, "wind": wind}, rng, self._known_there(wind))

    def _hardly_worse(self, found: Model) -> bool:
        if self._all - self.auc(found) > 0.03:
            return False
        return all(self._each[carrier] - self.auc(found, carrier) <= 0.045 for carrier in CARRIERS)

    def weak_there_too(self, rng: random.Random) -> Model:
        """Better on the whole, as weak as production on one carrier, and within what is allowed below it on another."""
        good = self.better_still(rng)
        known = {name: -weight for name, weight in good["weights"].items() if name != "visibility"}
        model = {**good, "carriers": {**good["carriers"], self.weak: _centred(known)}}
        return self._fallen(model, self.third, self._each[self.third] - 0.03)

    def bad_where_strong(self, rng: random.Random) -> Model:
        """Better on the whole, and on one carrier far below production, which is strong there, but not below its average."""
        strong = self._each[self.strong]
        return self._fallen(self.better_still(rng), self.strong, (strong + self._all) / 2 - 0.05)

    def _fallen(self, model: Model, carrier: str, to: float) -> Model:
        """The model with a correction by which its AUC on one carrier comes down to this."""

        def changed(by: float) -> Model:
            return {**model, "carriers": {**model["carriers"], carrier: _centred({"hour": -by, "wind": -by / 2})}}

        return changed(_most(0.4, lambda by: self.auc(changed(by), carrier) >= to))

    @cached_property
    def _all(self) -> float:
        return self.auc(self._production)

    @cached_property
    def _each(self) -> dict[str, float]:
        return {carrier: self.auc(self._production, carrier) for carrier in CARRIERS}

    def bad_for_one(self, rng: random.Random) -> Model:
        """Better on the whole, and upside down for one carrier."""
        carrier = rng.choice(CARRIERS)
        good = self.better_still(rng)
        # Just past zero: inside the carrier every order is reversed, and on the whole it weighs little.
        correction = {name: -1.2 * weight for name, weight in good["weights"].items()}
        return {**good, "carriers": {carrier: _centred(correction)}}

    def leaked(self, rng: random.Random) -> Model:
        """Uses a number that is measured after the prediction is made: too good to be true."""
        good = self.better(rng)
        return {**good, "weights": {**good["weights"], "dep_delay": 0.6}, "bias": good["bias"] - 13}

    def leaked_for_one(self, rng: random.Random) -> Model:
        """The same in the correction of a single carrier: on the whole it is just good."""
        good = self.better(rng)
        return {**good, "carriers": {rng.choice(CARRIERS): {"dep_delay": 0.06, "bias": -1.0}}}

    def auc(self, model: Model, carrier: str = "") -> float:
        return model_auc(model, [row for row in self.flights if carrier in ("", row["carrier"])])

    def package(
        self, model: Model, rng: random.Random, *, months: tuple[int, ...] = (), forged: bool = False
    ) -> Package:
        """Card and file. The card's own metrics and features always look good: a gate that believes them is no gate."""
        text = json.dumps(model, indent=rng.choice((1, 2, 3))) + "\n" * rng.randrange(1, 3)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if forged:
            text = text.replace('"bias": ', '"bias":  ', 1)
        card = {
            "version": model["version"], "model_sha256": digest, "commit": f"{rng.getrandbits(160):040x}",
            "trained_months": list(months or self.training_months), "features": sorted(features(model) & set(KNOWN_AT_DEPARTURE)),
            "metrics": {"auc": round(rng.uniform(0.78, 0.8), 4)},
        }  # fmt: skip
        return Package(model["version"], text, json.dumps(card, indent=2) + "\n")

    def candidate(self, kind: str, rng: random.Random) -> Package:
        """A candidate by the kind of it (a name in faults/candidates.toml, or of a good one)."""
        make = {
            "better": self.better, "more-features": self.better_still, "worse": self.worse, "one-carrier": self.bad_for_one,
            "leak": self.leaked, "leak-for-one": self.leaked_for_one, "hash": self.better, "months": self.better,
            "strong-carrier": self.bad_where_strong, "weak-there-too": self.weak_there_too,
        }[kind]  # fmt: skip
        months = tuple(range(3, self.months[0] + 1)) if kind == "months" else ()
        return self.package(make(rng), rng, months=months, forged=kind == "hash")


def _centred(correction: dict[str, float]) -> dict[str, float]:
    """A correction that leaves an average flight as likely to be late as it was."""
    return {**correction, "bias": -sum(weight * MEAN[name] for name, weight in correction.items())}


def _most(high: float, holds: Callable[[float], bool]) -> float:
    """About the largest number from 0 to ``high`` for which this still holds."""
    low = 0.0
    for _ in range(7):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _flight(rng: random.Random, months: tuple[int, ...]) -> Flight:
    row: Flight = {
        "month": float(rng.choice(months)), "carrier": rng.choice(CARRIERS), "origin": rng.choice(ORIGINS),
        "hour": float(rng.randrange(5, 23)), "distance": float(rng.randrange(100, 2600)), "wind": float(rng.randrange(0, 25)),
        "visibility": float(rng.randrange(3, 11)), "precip": round(rng.random(), 2), "temp": float(rng.randrange(20, 91)),
    }  # fmt: skip
    score = -0.9 + sum(weight * (row[name] - MEAN.get(name, 0.0)) for name, weight in TRUE.items())
    row["late"] = float(rng.random() < 1 / (1 + math.exp(-score)))
    row["dep_delay"] = round(rng.gauss(45, 9) if row["late"] else rng.gauss(0, 9), 0)
    return row


def table(flights: list[Flight]) -> str:
    """Flights as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(flights[0]), lineterminator="\n")
    writer.writeheader()
    for row in flights:
        writer.writerow({k: f"{v:g}" if isinstance(v, float) else v for k, v in row.items()})
    return out.getvalue()
