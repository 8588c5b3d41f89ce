"""Micro-batching: who travels with whom."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from components.serve.batching import Batcher, Scores, ScoringError
from components.serve.instances import Columns


def rows(*values: float) -> Columns:
    categories = np.full((0, len(values)), "", dtype=object)
    return Columns(np.array([values], dtype=np.float32), categories)


class Doubler:
    """Doubles its rows; notes every batch; waits with the first until `go` is set."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, columns: Columns) -> Scores:
        """Twice the numbers."""
        values = columns.numeric[0]
        self.batches.append(values.tolist())
        self.begun.set()
        if len(self.batches) == 1:
            self.go.wait()
        if (values < 0).any():
            raise FloatingPointError
        doubled: Scores = values * np.float32(2)
        return doubled


async def score_all(
    doubler: Doubler, requests: list[Columns], limit: int, wait: float = 0.0
) -> list[Scores | BaseException]:
    """Ask for all at once; the first batch runs until all the others wait."""
    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(doubler, executor, limit, wait)
        first = asyncio.create_task(batcher.scores(requests[0]))
        if not wait:
            await asyncio.to_thread(doubler.begun.wait)
        others = [asyncio.create_task(batcher.scores(request)) for request in requests[1:]]
        await asyncio.sleep(0)
        doubler.go.set()
        return await asyncio.gather(first, *others, return_exceptions=True)


@pytest.fixture
def doubler() -> Doubler:
    return Doubler()


def test_what_arrives_while_a_batch_runs_is_the_next_batch(doubler: Doubler) -> None:
    answers = asyncio.run(score_all(doubler, [rows(1), rows(2), rows(3, 4), rows(5)], limit=10))
    assert doubler.batches == [[1], [2, 3, 4, 5]]
    assert [list(answer) for answer in answers if isinstance(answer, np.ndarray)] == [[2], [4], [6, 8], [10]]


def test_a_batch_is_no_larger_than_its_limit_and_a_larger_request_travels_alone(doubler: Doubler) -> None:
    asyncio.run(score_all(doubler, [rows(1), rows(2, 3), rows(4), rows(5, 6, 7, 8), rows(9)], limit=3))
    assert doubler.batches == [[1], [2, 3, 4], [5, 6, 7, 8], [9]]


def test_the_rows_that_make_a_joint_batch_fail_fail_alone(doubler: Doubler) -> None:
    answers = asyncio.run(score_all(doubler, [rows(1), rows(2), rows(-1), rows(3)], limit=10))
    assert isinstance(answers[2], ScoringError)
    assert isinstance(answers[2].__cause__, FloatingPointError)
    assert [list(answer) for answer in answers if isinstance(answer, np.ndarray)] == [[2], [4], [6]]


def test_an_idle_batcher_waits_for_company_if_configured(doubler: Doubler) -> None:
    doubler.go.set()
    asyncio.run(score_all(doubler, [rows(1), rows(2), rows(3)], limit=10, wait=0.01))
    assert doubler.batches == [[1, 2, 3]]


def test_a_client_that_went_away_does_not_trouble_the_others(doubler: Doubler) -> None:
    async def run() -> Scores:
        with ThreadPoolExecutor(1) as executor:
            batcher = Batcher(doubler, executor, rows=10)
            first = asyncio.create_task(batcher.scores(rows(1)))
            await asyncio.to_thread(doubler.begun.wait)
            gone, stays = (asyncio.create_task(batcher.scores(rows(value))) for value in (2, 3))
            await asyncio.sleep(0)
            gone.cancel()
            doubler.go.set()
            await first
            return await stays

    assert list(asyncio.run(run())) == [6]
