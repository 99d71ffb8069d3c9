"""Requests that arrive together are predicted together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sandbox.service.features import Matrix, Row, matrix
from sandbox.service.model import Probabilities

Predict = Callable[[Matrix], Probabilities]
MOST_ROWS = 256
"""A batch is predicted at this size even if more is coming: it takes about half a millisecond."""


class Batcher:
    """Collects rows that arrive in the same turns of the event loop, and predicts them with one call.

    There is no timer: a batch is predicted as soon as one turn of the loop has brought nothing new. A lone request so
    waits for one empty turn (microseconds), and under load batches grow by themselves.

    Not thread-safe: use it from one event loop only.
    """

    def __init__(self, predict: Predict, most_rows: int = MOST_ROWS) -> None:
        self._predict = predict
        self._most_rows = most_rows
        self._waiting: list[tuple[Row, asyncio.Future[float]]] = []

    async def predict(self, row: Row) -> float:
        """The probability for one row; raises what the predictor raises for this row alone."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[float] = loop.create_future()
        self._waiting.append((row, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._turn, loop, 1)
        return await future

    def _turn(self, loop: asyncio.AbstractEventLoop, seen: int) -> None:
        arrived = len(self._waiting)
        if seen < arrived < self._most_rows:
            loop.call_soon(self._turn, loop, arrived)
        else:
            self._flush()

    def _flush(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            probabilities = self._predict(matrix([row for row, _ in batch])).tolist()
        except Exception as error:
            if len(batch) == 1:
                _fail(batch[0][1], error)
            else:
                self._one_by_one(batch)
            return
        for (_, future), probability in zip(batch, probabilities, strict=True):
            if not future.done():  # done: the client hung up
                future.set_result(probability)

    def _one_by_one(self, batch: list[tuple[Row, asyncio.Future[float]]]) -> None:
        # One row that the predictor cannot take must not fail its neighbours.
        for row, future in batch:
            try:
                probability = self._predict(matrix([row])).item()
            except Exception as error:
                _fail(future, error)
            else:
                if not future.done():
                    future.set_result(probability)


def _fail(future: asyncio.Future[float], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
