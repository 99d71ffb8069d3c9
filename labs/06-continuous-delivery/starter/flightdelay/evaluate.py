"""Held-out flights, and the area under the ROC curve."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flightdelay.model import probability

Flight = dict[str, Any]


def read_flights(path: Path) -> list[Flight]:
    """Read `data/holdout.csv`. All is a number but `carrier` and `origin`; `late` is 0 or 1."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{k: v if k in ("carrier", "origin") else float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def auc(late: Sequence[float], scores: Sequence[float]) -> float:
    """How often a late flight gets a higher score than a punctual one: 0.5 is guessing, 1.0 is perfect."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    ranks = 0.0
    i = 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and scores[order[j + 1]] == scores[order[i]]:
            j += 1
        ranks += sum((i + j) / 2 + 1 for k in range(i, j + 1) if late[order[k]])
        i = j + 1
    positives = sum(1 for value in late if value)
    negatives = len(late) - positives
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def model_auc(model: Mapping[str, Any], flights: Iterable[Flight]) -> float:
    """The AUC of a model on flights."""
    rows = list(flights)
    return auc([row["late"] for row in rows], [probability(model, row) for row in rows])
