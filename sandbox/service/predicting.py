"""From the bytes of a request to predictions, whichever protocol asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from sandbox.service import problems
from sandbox.service.batching import MOST_ROWS, Batcher
from sandbox.service.features import matrix, row
from sandbox.service.model import Model, Probabilities
from sandbox.service.schema import MOST_FLIGHTS, Flight
from sandbox.service.telemetry import Metrics

# One refused flight refuses the list, so the rest need not be looked at: what an error costs is bounded.
FlightList = Annotated[list[Flight], Field(min_length=1, max_length=MOST_FLIGHTS, fail_fast=True)]
FLIGHT = TypeAdapter(Flight)
FLIGHTS = TypeAdapter(FlightList)
_SPACE = b" \t\r\n"


class NotAProbabilityError(Exception):
    """The model is broken: what it gave is NaN, or outside 0 to 1. No client sees such a number."""

    def __init__(self, value: float) -> None:
        super().__init__(f"the model gave {value} as a probability")


class Predicting:
    """Predicts, and counts what it predicted."""

    def __init__(self, model: Model, metrics: Metrics) -> None:
        self.model = model
        self._metrics = metrics
        self._batcher = Batcher(model.predict)
        self._threshold = model.card.threshold
        self._version = model.card.version

    async def answer(self, body: bytes) -> bytes:
        """The JSON answer to the JSON of one flight, or of a list: predictions in the same order.

        Raises:
            ProblemError: 422, naming the first field that is wrong.
        """
        try:
            if body.lstrip(_SPACE)[:1] == b"[":
                flights = FLIGHTS.validate_json(body)
            else:
                return await self._one(FLIGHT.validate_json(body))
        except ValidationError as error:
            raise problems.refused(error) from None
        probabilities, late = await self.all(flights)
        return orjson.dumps(
            [
                {"late": is_late, "probability": probability, "model_version": self._version}
                for is_late, probability in zip(late.tolist(), probabilities.tolist(), strict=True)
            ]
        )

    async def _one(self, flight: Flight) -> bytes:
        values = row(flight)
        probability = await self._batcher.predict(values)
        if not 0.0 <= probability <= 1.0:
            raise NotAProbabilityError(probability)
        late = probability >= self._threshold
        self._metrics.predicted(probability, late)
        self._metrics.given_one(values)
        return orjson.dumps({"late": late, "probability": probability, "model_version": self._version})

    async def all(self, flights: Sequence[Flight]) -> tuple[Probabilities, NDArray[np.bool_]]:
        """Probabilities, and whether they are at least the threshold; both of shape (flights,)."""
        rows = matrix([row(flight) for flight in flights])
        if len(rows) <= MOST_ROWS:
            probabilities = self.model.predict(rows)
        else:  # long enough to keep the event loop from others
            probabilities = await asyncio.to_thread(self.model.predict, rows)
        wrong = ~((probabilities >= 0.0) & (probabilities <= 1.0))
        if wrong.any():
            raise NotAProbabilityError(probabilities[wrong][0])
        late = probabilities >= self._threshold
        self._metrics.predicted_all(probabilities, late)
        self._metrics.given(rows)
        return probabilities, late

    async def ready(self) -> bool:
        """Whether the model answers, and with a probability, when asked about a flight."""
        try:
            return 0.0 <= await self._batcher.predict(row(_PROBE)) <= 1.0
        except Exception:
            return False


_PROBE = Flight(carrier="UA", origin="EWR", dest="ORD", month=7, day=4, sched_dep_time=1745, distance=719)
