"""Flights and models, new at each run: production, better ones, and those that must not go out.

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "starter"))
from flightdelay.evaluate import Flight, model_auc
from flightdelay.model import CARRIERS, ORIGINS

ROWS = 4000
TRUE = {"hour": 0.16, "wind": 0.09, "visibility": -0.22, "temp": 0.035, "distance": 0.0}
MEAN = {"hour": 13.0, "wind": 12.0, "visibility": 6.5, "temp": 55.0}
Model = dict[str, Any]


@dataclass(frozen=True)
class Package:
    """A candidate: its two files, as text."""

    version: str
    model: str
    card: str


@dataclass
class World:
    """One draw of flights, and models on them."""

    rng: random.Random
    months: tuple[int, ...] = ()
    flights: list[Flight] = field(default_factory=list)

    def __post_init__(self) -> None:
        first = self.rng.randrange(8, 12)
        self.months = (first, first + 1)
        self.flights = [self._flight() for _ in range(ROWS)]

    def _flight(self) -> Flight:
        rng = self.rng
        row: Flight = {
            "month": float(rng.choice(self.months)), "carrier": rng.choice(CARRIERS), "origin": rng.choice(ORIGINS),
            "hour": float(rng.randrange(5, 23)), "distance": float(rng.randrange(100, 2600)), "wind": float(rng.randrange(0, 25)),
            "visibility": float(rng.randrange(3, 11)), "precip": round(rng.random(), 2), "temp": float(rng.randrange(20, 91)),
        }  # fmt: skip
        score = -0.9 + sum(weight * (row[name] - MEAN.get(name, 0.0)) for name, weight in TRUE.items())
        row["late"] = float(rng.random() < 1 / (1 + math.exp(-score)))
        row["dep_delay"] = round(rng.gauss(45, 9) if row["late"] else rng.gauss(0, 9), 0)
        return row

    def holdout(self) -> str:
        """The flights as `data/holdout.csv`."""
        out = io.StringIO()
        writer = csv.DictWriter(out, list(self.flights[0]), lineterminator="\n")
        writer.writeheader()
        for row in self.flights:
            writer.writerow({k: f"{v:g}" if isinstance(v, float) else v for k, v in row.items()})
        return out.getvalue()

    def model(self, weights: dict[str, float], carriers: dict[str, dict[str, float]] | None = None) -> Model:
        bias = -0.9 - sum(weight * MEAN.get(name, 0.0) for name, weight in weights.items())
        version = f"{self.rng.randrange(2015, 2030)}.{self.rng.randrange(1, 13)}.{self.rng.randrange(10**6)}"
        return {"version": version, "bias": bias, "weights": weights, "carriers": carriers or {}}

    def production(self) -> Model:
        """Knows the hour and a little of the weather."""
        return self.model({"hour": 0.16, "visibility": -0.1})

    def better(self) -> Model:
        """Knows the weather too; every draw a little different."""
        return self.model({n: TRUE[n] * self.rng.uniform(0.9, 1.1) for n in ("hour", "wind", "visibility")})

    def better_still(self) -> Model:
        """One feature more, and a correction of one carrier that changes little."""
        weights = {n: TRUE[n] * self.rng.uniform(0.9, 1.1) for n in ("hour", "wind", "visibility", "temp")}
        return self.model(weights, {self.rng.choice(CARRIERS): {"bias": 0.1, "wind": 0.01}})

    def worse(self) -> Model:
        """Like production, a little worse everywhere and nowhere by much, so that no other gate sees it."""
        ours, wind = self.production(), 0.0
        while True:
            wind -= 0.004
            found = self.model({"hour": 0.16, "visibility": -0.1, "wind": wind})
            falls = [self.auc(ours, carrier) - self.auc(found, carrier) for carrier in CARRIERS]
            if max(falls) > 0.045 or self.auc(ours) - self.auc(found) > 0.03:
                return self.model({"hour": 0.16, "visibility": -0.1, "wind": wind + 0.004})

    def bad_for_one(self) -> Model:
        """Better on the whole, and upside down for one carrier."""
        carrier = self.rng.choice(CARRIERS)
        good = self.better_still()
        correction = {name: -1.6 * weight for name, weight in good["weights"].items()}
        correction["bias"] = -sum(weight * MEAN[name] for name, weight in correction.items())
        return {**good, "carriers": {carrier: correction}}

    def leaked(self) -> Model:
        """Uses a number that is measured after the prediction is made."""
        good = self.better()
        return {**good, "weights": {**good["weights"], "dep_delay": 0.6}, "bias": good["bias"] - 13}

    def auc(self, model: Model, carrier: str = "") -> float:
        return model_auc(model, [row for row in self.flights if carrier in ("", row["carrier"])])

    def package(self, model: Model, *, months: tuple[int, ...] = (1, 2, 3, 4, 5, 6), forged: bool = False) -> Package:
        """Card and file. The card's own metrics always look good: a gate that believes them is no gate."""
        text = json.dumps(model, indent=self.rng.choice((1, 2, 3))) + "\n" * self.rng.randrange(1, 3)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if forged:
            text = text.replace('"bias": ', '"bias":  ', 1)
        card = {
            "version": model["version"], "model_sha256": digest, "commit": f"{self.rng.getrandbits(160):040x}",
            "trained_months": list(months), "features": sorted(model["weights"]),
            "metrics": {"auc": round(self.rng.uniform(0.78, 0.8), 4)},
        }  # fmt: skip
        return Package(model["version"], text, json.dumps(card, indent=2) + "\n")

    def candidate(self, kind: str) -> Package:
        """A candidate by the kind of it (a name in faults/candidates.toml, or of a good one)."""
        match kind:
            case "worse" | "one-carrier" | "leak":
                return self.package({"worse": self.worse, "one-carrier": self.bad_for_one, "leak": self.leaked}[kind]())
            case "hash":
                return self.package(self.better(), forged=True)
            case "months":
                return self.package(self.better(), months=(*range(3, self.months[0] + 1),))
            case "more-features":
                return self.package(self.better_still())
            case "better":
                return self.package(self.better())
        raise ValueError(f"no kind of candidate is called {kind!r}")
