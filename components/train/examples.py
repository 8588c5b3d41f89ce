"""Examples in whole batches: from memory, or streamed from the shards through a shuffled pool.

Both yield every example once an epoch, in batches whose sizes differ by one row at most, and in an order that
follows from the generator alone: a resumed run sees what it would have seen. A thread makes the next batch,
and the next pool, while the model learns from the one before.
"""

import collections
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from components.shared.files.place import Place
from components.shared.rows.label import check_both
from components.train.shards import Batch, ModelInputs, Shards
from configs.rows import Split
from configs.training import Training

_T = TypeVar("_T")
_Permutation = NDArray[np.intp] | None
_Bounds = list[tuple[int, int]]


class Examples(Protocol):
    """One split of the examples."""

    rows: int
    positives: int

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """Yield every example once, shuffled by `order` or as the shards have it; at most `size` a batch."""


class Memory:
    """A split as matrices in memory."""

    def __init__(self, shards: Shards) -> None:
        self._all = shards.read()
        self.rows, self.positives = shards.rows, int(self._all.label.sum(dtype=np.float64))

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """Yield every example once; see `Examples`."""
        permutation = order.permutation(self.rows) if order else None
        return _prefetch(_take(self._all, permutation, bounds(self.rows, size)))


class Stream:
    """A split that is read again each epoch: row groups in random order, shuffled within a pool.

    Two pools are in memory at a time, the one that is learned from and the one that is read; a pool has
    `shuffle_rows` rows, and up to one row group and one batch more. Without an order there is nothing to
    shuffle, and a pool has one batch.
    """

    def __init__(self, shards: Shards, shuffle_rows: int) -> None:
        self._shards, self._shuffle_rows = shards, shuffle_rows
        self.rows, self.positives = shards.rows, shards.positives()

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """Yield every example once; see `Examples`."""
        pools = _prefetch(self._pools(size, order))
        return _prefetch(batch for pool in pools for batch in _take(*pool))

    def _pools(
        self, size: int, order: np.random.Generator | None
    ) -> Iterator[tuple[Batch, _Permutation, _Bounds]]:
        """Yield pools, each with its permutation and the bounds of its batches; the rest enters the next."""
        shards, wanted = self._shards, max(self._shuffle_rows, size) if order else size
        numbers = order.permutation(len(shards.groups)) if order else range(len(shards.groups))
        groups = collections.deque(shards.groups[number] for number in numbers)
        lengths = collections.deque(end - start for start, end in bounds(self.rows, size))
        most = min(wanted + max(map(shards.group_rows, groups)) + size, self.rows)
        # Shuffled batches are copies: once the next pool is yielded, a pool's memory is free again.
        memory = [shards.empty_batch(most) for _ in range(2)] if order else []
        rest = shards.empty_batch(0)
        while groups:
            chosen, ready = [], rest.rows
            while groups and ready < wanted:
                chosen.append(groups.popleft())
                ready += shards.group_rows(chosen[-1])
            memory.reverse()
            pool = memory[0].slice(0, ready) if order else shards.empty_batch(ready)
            pool.copy_from(rest)
            shards.fill(pool.slice(rest.rows, ready), chosen)
            permutation = order.permutation(ready) if order else None
            filled = _take_bounds(ready, lengths)
            end = filled[-1][1]
            rest = pool.slice(end, ready) if permutation is None else pool.take(permutation[end:])
            yield pool, permutation, filled


def load(folder: Place, split: Split, inputs: ModelInputs, training: Training) -> Examples:
    """Load a split of the examples into memory or as a stream, as `training.input_pipeline` says.

    Raises:
        EmptySplitError: No examples.
        LabelError: A label other than 0 and 1, or only one of them.
        TrainingError: A column is missing, not finite, or has an index beyond its cardinality.
        UnreadableFileError: A shard is not Parquet.
    """
    shards = Shards(folder, split, inputs)
    stream = training.input_pipeline == "stream"
    examples: Examples = Stream(shards, training.shuffle_rows) if stream else Memory(shards)
    check_both(inputs.label, split, examples.rows, examples.positives)
    return examples


def bounds(rows: int, size: int) -> _Bounds:
    """The start and end of ceil(rows / size) batches of nearly equal size: none has a single row."""
    steps = -(-rows // size)
    return list(itertools.pairwise(rows * step // steps for step in range(steps + 1)))


def _take(batch: Batch, permutation: _Permutation, ends: Iterable[tuple[int, int]]) -> Iterator[Batch]:
    """Yield the batches between these bounds, in the order of the permutation if there is one."""
    for start, end in ends:
        yield batch.slice(start, end) if permutation is None else batch.take(permutation[start:end])


def _take_bounds(rows: int, lengths: collections.deque[int]) -> _Bounds:
    """The bounds of the next batches that fit into a pool; removes their lengths from `lengths`."""
    filled, start = [], 0
    while lengths and start + lengths[0] <= rows:
        filled.append((start, start + lengths[0]))
        start += lengths.popleft()
    return filled


def _prefetch(items: Iterator[_T]) -> Iterator[_T]:
    """Yield the same items, each made by a thread while the one before it is used."""
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = reader.submit(next, items, None)
            yield item
