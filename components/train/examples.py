"""Examples in whole batches: held in memory, or streamed from the shards through a shuffled pool.

Both hand out every example once an epoch, in batches whose sizes differ by one row at most, and in an
order that follows from the generator alone: what a resumed run sees is what it would have seen.
A thread makes the next batch, and the next pool, while the one before is learned.
"""

import collections
import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from components.train.features import ModelInputs
from components.train.shards import Batch, Shards
from configs.errors import LabelError
from configs.settings import Split, Training

_T = TypeVar("_T")
_Permutation = NDArray[np.intp] | None
_Bounds = list[tuple[int, int]]


class Examples(Protocol):
    """One split of the examples."""

    rows: int
    positives: int

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every example once: shuffled by `order`, or as they lie. Batches hold `size` rows or fewer."""


class Memory:
    """A split held as matrices."""

    def __init__(self, shards: Shards) -> None:
        self._all = _concatenate(list(shards.batches(shards.groups)))
        self.rows, self.positives = shards.rows, int(self._all.label.sum(dtype=np.float64))

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """See `Examples`."""
        permutation = order.permutation(self.rows) if order else None
        return _ahead(_cut(self._all, permutation, bounds(self.rows, size)))


class Stream:
    """A split read anew each epoch: row groups in random order, shuffled within a pool.

    Two pools are in memory at a time, the one that is learned and the one that is read; a pool holds
    `shuffle_rows` rows, and up to one row group and one batch more.
    """

    def __init__(self, shards: Shards, shuffle_rows: int) -> None:
        self._shards, self._shuffle_rows = shards, shuffle_rows
        self.rows, self.positives = shards.rows, shards.positives()

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """See `Examples`."""
        pools = _ahead(self._pools(size, order))
        return _ahead(batch for pool in pools for batch in _cut(*pool))

    def _pools(
        self, size: int, order: np.random.Generator | None
    ) -> Iterator[tuple[Batch, _Permutation, _Bounds]]:
        """Each pool, its shuffling, and where its batches lie; what is left over enters the next."""
        groups = self._shards.groups
        if order:
            groups = [groups[place] for place in order.permutation(len(groups))]
        lengths = collections.deque(end - start for start, end in bounds(self.rows, size))
        waiting: list[Batch] = []
        for last, batch in _with_last(self._shards.batches(groups)):
            waiting.append(batch)
            ready = sum(len(each.label) for each in waiting)
            if ready < max(self._shuffle_rows, size) and not last:
                continue
            pool, permutation = _concatenate(waiting), order.permutation(ready) if order else None
            filled = _fill(ready, lengths)
            rest = slice(filled[-1][1], ready)
            waiting = [pool.take(rest if permutation is None else permutation[rest])]
            yield pool, permutation, filled


def load(folder: Path, split: Split, inputs: ModelInputs, training: Training) -> Examples:
    """A split of the examples, the way `training.input_pipeline` says.

    Raises:
        EmptySplitError: No examples.
        LabelError: A label other than 0 and 1, or only one of them.
        TrainingError: A column is missing, not finite, or has an index beyond its cardinality.
        UnreadableFileError: A shard is not Parquet.
    """
    shards = Shards(folder, split, inputs)
    stream = training.input_pipeline == "stream"
    examples: Examples = Stream(shards, training.shuffle_rows) if stream else Memory(shards)
    if examples.positives in (0, examples.rows):
        raise LabelError(
            f"label '{inputs.label}' in split '{split}'",
            expected="both 0 and 1",
            got=f"{examples.rows} examples, all {int(examples.positives > 0)}",
            way_out="Check the label in the query, `label.positive`, and the borders of `split`.",
        )
    return examples


def bounds(rows: int, size: int) -> _Bounds:
    """The ends of ceil(rows / size) batches of nearly one size: none is left with a single row."""
    steps = -(-rows // size)
    return list(itertools.pairwise(rows * step // steps for step in range(steps + 1)))


def _concatenate(batches: Sequence[Batch]) -> Batch:
    return Batch(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))


def _cut(batch: Batch, permutation: _Permutation, ends: Iterable[tuple[int, int]]) -> Iterator[Batch]:
    """Stretches of a batch, in the order of the permutation if there is one."""
    for start, end in ends:
        yield batch.take(slice(start, end) if permutation is None else permutation[start:end])


def _fill(rows: int, lengths: collections.deque[int]) -> _Bounds:
    """The bounds of the next batches that fit into a pool; takes their lengths off."""
    filled, start = [], 0
    while lengths and start + lengths[0] <= rows:
        filled.append((start, start + lengths[0]))
        start += lengths.popleft()
    return filled


def _with_last(items: Iterable[_T]) -> Iterator[tuple[bool, _T]]:
    """Each item, and whether it is the last."""
    iterator = iter(items)
    item = next(iterator)
    for following in iterator:
        yield False, item
        item = following
    yield True, item


def _ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, each made by a thread while the one before it is used."""
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = reader.submit(next, items, None)
            yield item
