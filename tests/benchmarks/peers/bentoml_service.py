"""BentoML with adaptive batching: `bentoml serve` runs one worker of it."""

from __future__ import annotations

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class FlightDelay:
    """The model; a request brings a list of rows, and lists that meet are one call."""

    def __init__(self) -> None:
        self.pipeline = joblib.load(os.environ["BENCH_MODEL"])

    @bentoml.api(batchable=True, max_batch_size=64)
    def predict(self, rows: list[list[float]]) -> list[float]:
        probabilities: list[float] = self.pipeline.predict_proba(np.asarray(rows, np.float32))[:, 1].tolist()
        return probabilities
