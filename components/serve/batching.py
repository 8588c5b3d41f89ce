"""Micro-batching: requests that arrive while a batch runs become the next batch."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from components.serve.instances import Columns, joined

Scores = NDArray[np.float32]
"""[rows], one score each."""
Score = Callable[[Columns], Scores]


class ScoringError(Exception):
    """The model failed on the rows of one request; what it raised is the cause."""


class _Job(NamedTuple):
    columns: Columns
    answer: "asyncio.Future[Scores]"


class Batcher:
    """Joins the rows of waiting requests and scores them in a thread, one batch at a time.

    Args:
        score: Scores rows; runs in the executor.
        executor: Where, so that the loop stays free.
        rows: A batch is joined up to this many rows; a larger request is a batch of its own.
        wait_seconds: How long the first request waits for company when nothing runs.
    """

    def __init__(self, score: Score, executor: Executor, rows: int, wait_seconds: float = 0.0) -> None:
        self._score, self._executor, self._rows, self._wait_seconds = score, executor, rows, wait_seconds
        self._waiting: deque[_Job] = deque()
        self._worker: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Requests that wait for their batch to begin."""
        return len(self._waiting)

    async def scores(self, columns: Columns) -> Scores:
        """The scores of these rows, in their order.

        Raises:
            ScoringError: `score` failed for these very rows.
        """
        answer: asyncio.Future[Scores] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Job(columns, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        if self._wait_seconds:
            await asyncio.sleep(self._wait_seconds)
        try:
            while self._waiting:
                jobs = self._next_batch()
                parts = [job.columns for job in jobs]
                results = await loop.run_in_executor(self._executor, _scored, self._score, parts)
                for job, result in zip(jobs, results, strict=True):
                    _give(job.answer, result)
        finally:
            self._worker = None

    def _next_batch(self) -> list[_Job]:
        jobs = [self._waiting.popleft()]
        rows = jobs[0].columns.rows
        while self._waiting and rows + self._waiting[0].columns.rows <= self._rows:
            jobs.append(self._waiting.popleft())
            rows += jobs[-1].columns.rows
        return jobs


def _scored(score: Score, parts: Sequence[Columns]) -> list[Scores | Exception]:
    """The scores of each part; if the joint batch fails, each alone, so that only the guilty one fails."""
    try:
        scores = score(joined(parts))
    except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to the requests
        return [error] if len(parts) == 1 else [_scored(score, [part])[0] for part in parts]
    ends = np.cumsum([part.rows for part in parts])
    return list(np.split(scores, ends[:-1]))


def _give(answer: "asyncio.Future[Scores]", result: Scores | Exception) -> None:
    if answer.done():  # the client went away
        return
    if isinstance(result, Exception):
        error = ScoringError()
        error.__cause__ = result
        answer.set_exception(error)
    else:
        answer.set_result(result)
