"""Requests that arrive together are predicted together, and none suffers from its neighbours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from sandbox.service.batching import Batcher
from sandbox.service.features import FEATURES, Matrix, Row
from sandbox.service.model import Probabilities


def row(value: float) -> Row:
    return (value, *[0.0] * (len(FEATURES) - 1))


class Recording:
    """Gives each row its first number back, and remembers the sizes of the batches."""

    def __init__(self, refuses: Callable[[float], bool] = lambda _: False) -> None:
        self.sizes: list[int] = []
        self._refuses = refuses

    def __call__(self, matrix: Matrix) -> Probabilities:
        self.sizes.append(len(matrix))
        if any(self._refuses(value) for value in matrix[:, 0]):
            raise ValueError("a row that the model cannot take")
        return matrix[:, 0].astype(np.float64)


def together(predict: Recording, values: list[float], most_rows: int = 256) -> list[float | BaseException]:
    async def run() -> list[float | BaseException]:
        batcher = Batcher(predict, most_rows)
        return list(await asyncio.gather(*(batcher.predict(row(v)) for v in values), return_exceptions=True))

    return asyncio.run(run())


def test_a_lone_request_is_answered_without_waiting_for_others() -> None:
    predict = Recording()
    assert together(predict, [0.25]) == [0.25]
    assert predict.sizes == [1]


def test_requests_that_meet_are_one_batch_and_each_gets_its_own_answer() -> None:
    predict = Recording()
    values = [i / 64 for i in range(50)]
    assert together(predict, values) == values
    assert predict.sizes == [50]


def test_a_batch_waits_for_a_turn_that_brings_nothing_new() -> None:
    predict = Recording()

    async def late_by(turns: int, batcher: Batcher, value: float) -> float:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await batcher.predict(row(value))

    async def run(turns: list[int]) -> list[float]:
        batcher = Batcher(predict)
        return list(await asyncio.gather(*(late_by(n, batcher, i / 8) for i, n in enumerate(turns))))

    assert asyncio.run(run([0, 0, 1, 2])) == [0.0, 0.125, 0.25, 0.375]
    assert predict.sizes == [4], "each turn brought one more"
    predict.sizes.clear()
    asyncio.run(run([0, 0, 1, 8]))
    assert predict.sizes == [3, 1], "the last came after an empty turn"


def test_one_row_that_fails_fails_alone() -> None:
    predict = Recording(refuses=lambda value: value == 0.5)
    answers = together(predict, [0.25, 0.5, 0.75])
    assert answers[0] == 0.25 and answers[2] == 0.75
    assert isinstance(answers[1], ValueError)


def test_a_client_that_left_does_not_disturb_the_batch() -> None:
    async def run() -> float:
        batcher = Batcher(Recording())
        gone, stays = (asyncio.ensure_future(batcher.predict(row(v))) for v in (0.25, 0.5))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert asyncio.run(run()) == 0.5


@pytest.mark.parametrize("refuses", [lambda _: True, lambda _: False])
def test_after_any_batch_the_next_one_works(refuses: Callable[[float], bool]) -> None:
    async def run() -> float:
        predict = Recording(refuses)
        batcher = Batcher(predict)
        await asyncio.gather(*(batcher.predict(row(0.5)) for _ in range(3)), return_exceptions=True)
        predict._refuses = lambda _: False
        return await batcher.predict(row(0.75))

    assert asyncio.run(run()) == 0.75


def test_a_full_batch_does_not_wait() -> None:
    predict = Recording()

    async def run() -> None:
        batcher = Batcher(predict, most_rows=4)
        first = [asyncio.ensure_future(batcher.predict(row(0.5))) for _ in range(4)]
        while not first[0].done():  # one more in every turn: without the limit this batch would grow for ever
            await asyncio.sleep(0)
            first.append(asyncio.ensure_future(batcher.predict(row(0.5))))
            assert len(first) < 50
        await asyncio.gather(*first)

    asyncio.run(run())
    assert sum(predict.sizes) < 50
