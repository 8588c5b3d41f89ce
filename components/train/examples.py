"""Examples from Parquet in whole batches: held in memory, or streamed through a shuffled pool.

Both hand out every example once an epoch, in batches whose sizes differ by one row at most, and in an
order that follows from the generator alone: what a resumed run sees is what it would have seen.
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.artifacts import shards
from components.train.features import ModelInputs
from configs.errors import EmptySplitError, LabelError, TrainingError, UnreadableFileError
from configs.settings import Split

_T = TypeVar("_T")
_RUN_TRANSFORM = "Run the pipeline again with --from transform."


class Batch(NamedTuple):
    """Examples as matrices: one row an example, columns in the order of the model's inputs."""

    dense: NDArray[np.float32]
    """[rows, dense inputs]"""
    indexed: NDArray[np.int32]
    """[rows, indexed inputs]"""
    label: NDArray[np.float32]
    """[rows], 0 or 1"""

    def take(self, rows: "NDArray[np.intp] | slice") -> "Batch":
        """These rows."""
        return Batch(self.dense[rows], self.indexed[rows], self.label[rows])


class Examples(Protocol):
    """One split of the examples."""

    rows: int
    positives: int

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """Every example once: shuffled by `order`, or as they lie. Batches hold `size` rows or fewer."""


class Memory:
    """A split held as matrices."""

    def __init__(self, folder: Path, split: Split, inputs: ModelInputs) -> None:
        files = _Files(folder, split, inputs)
        self._all = _concatenate(list(files.read(files.groups())))
        self.rows, self.positives = len(self._all.label), int(self._all.label.sum())
        _check_label(split, inputs.label, self.rows, self.positives)

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """See `Examples`."""
        permutation = order.permutation(self.rows) if order else None
        for start, end in _bounds(self.rows, size):
            rows = slice(start, end) if permutation is None else permutation[start:end]
            yield self._all.take(rows)


class Stream:
    """A split read from its files each epoch: row groups in random order, shuffled within a pool.

    While one pool is trained on, a thread reads the next: two pools of `shuffle_rows` rows, or of one
    row group where that is larger, are in memory at a time.
    """

    def __init__(self, folder: Path, split: Split, inputs: ModelInputs, shuffle_rows: int) -> None:
        self._files = _Files(folder, split, inputs)
        self._shuffle_rows = shuffle_rows
        self.rows, self.positives = self._files.count()
        _check_label(split, inputs.label, self.rows, self.positives)

    def batches(self, size: int, order: np.random.Generator | None = None) -> Iterator[Batch]:
        """See `Examples`."""
        for pool, permutation, bounds in _ahead(self._pools(size, order)):
            for start, end in bounds:
                yield pool.take(slice(start, end) if permutation is None else permutation[start:end])

    def _pools(
        self, size: int, order: np.random.Generator | None
    ) -> Iterator[tuple[Batch, "NDArray[np.intp] | None", list[tuple[int, int]]]]:
        groups = self._files.groups()
        if order:
            groups = [groups[place] for place in order.permutation(len(groups))]
        lengths = [end - start for start, end in _bounds(self.rows, size)]
        waiting: list[Batch] = []
        for last, chunk in _with_last(self._files.read(groups)):
            waiting.append(chunk)
            ready = sum(len(batch.label) for batch in waiting)
            if ready < max(self._shuffle_rows, size) and not last:
                continue
            pool = _concatenate(waiting)
            permutation = order.permutation(ready) if order else None
            bounds = _fill(ready, lengths)
            rest = slice(bounds[-1][1], ready)
            waiting = [pool.take(rest if permutation is None else permutation[rest])]
            yield pool, permutation, bounds


def load(
    folder: Path, split: Split, inputs: ModelInputs, *, stream: bool = False, shuffle_rows: int = 200_000
) -> Examples:
    """A split of the examples, checked against the model's inputs.

    Raises:
        EmptySplitError: No examples.
        LabelError: A label other than 0 and 1, or only one of them.
        TrainingError: A column is missing, has an index beyond its cardinality, or is not finite.
        UnreadableFileError: A shard is not Parquet.
    """
    return Stream(folder, split, inputs, shuffle_rows) if stream else Memory(folder, split, inputs)


class _Files:
    """The row groups of a split's shards."""

    def __init__(self, folder: Path, split: Split, inputs: ModelInputs) -> None:
        self._paths, self._inputs, self._split = shards(folder, split), inputs, split
        for path in self._paths:
            missing = [name for name in inputs.columns if name not in _open(path).schema_arrow.names]
            if missing:
                raise TrainingError(
                    f"{split} examples, {path.name}",
                    expected=f"the columns of features.json, {', '.join(missing)} among them",
                    got=", ".join(_open(path).schema_arrow.names),
                    way_out=_RUN_TRANSFORM,
                )

    def groups(self) -> list[tuple[Path, int]]:
        return [(path, group) for path in self._paths for group in range(_open(path).num_row_groups)]

    def read(self, groups: Iterable[tuple[Path, int]]) -> Iterator[Batch]:
        for path, group in groups:
            table = _open(path).read_row_group(group, columns=list(self._inputs.columns), use_threads=False)
            yield _checked(_matrices(table, self._inputs), self._inputs, f"{self._split} examples, {path.name}")

    def count(self) -> tuple[int, int]:
        """Rows and positives, from the label's column alone."""
        rows = positives = 0
        for path, group in self.groups():
            label = _open(path).read_row_group(group, columns=[self._inputs.label]).column(0).to_numpy()
            rows, positives = rows + len(label), positives + int(np.sum(label))
        return rows, positives


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFileError(
            str(path), expected="a Parquet file", got=str(error), way_out=_RUN_TRANSFORM
        ) from error


def _matrices(table: pa.Table, inputs: ModelInputs) -> Batch:
    dense = np.empty((len(table), len(inputs.dense)), np.float32)
    for place, name in enumerate(inputs.dense):
        dense[:, place] = table.column(name).to_numpy()
    indexed = np.empty((len(table), len(inputs.indexed)), np.int32)
    for place, name in enumerate(inputs.indexed):
        indexed[:, place] = table.column(name).to_numpy()
    return Batch(dense, indexed, table.column(inputs.label).to_numpy().astype(np.float32))


def _checked(batch: Batch, inputs: ModelInputs, where: str) -> Batch:
    """The batch, if every value is one that the model can learn from."""
    if not np.isfinite(batch.dense).all():
        column = inputs.dense[int(np.argmin(np.isfinite(batch.dense).all(axis=0)))]
        raise TrainingError(
            f"{where}, column '{column}'", expected="finite numbers", got="NaN or infinity", way_out=_RUN_TRANSFORM
        )
    cardinalities = np.array(list(inputs.indexed.values()), np.int32)
    inside = ((batch.indexed >= 0) & (batch.indexed < cardinalities)).all(axis=0)
    if not inside.all():
        place = int(np.argmin(inside))
        column, values = list(inputs.indexed)[place], batch.indexed[:, place]
        raise TrainingError(
            f"{where}, column '{column}'",
            expected=f"indices from 0 to {cardinalities[place] - 1}, as features.json says",
            got=f"{values.min()} to {values.max()}",
            way_out=_RUN_TRANSFORM,
        )
    if not np.isin(batch.label, (0, 1)).all():
        raise LabelError(
            f"{where}, label '{inputs.label}'",
            expected="0 or 1",
            got=str(batch.label[~np.isin(batch.label, (0, 1))][0]),
            way_out="Name the value that counts as 1 in `label.positive`.",
        )
    return batch


def _check_label(split: Split, label: str, rows: int, positives: int) -> None:
    if not rows:
        raise EmptySplitError(
            f"split '{split}'",
            expected="examples",
            got="none",
            way_out="Move the borders of `split` in the use case, or see what transform rejected.",
        )
    if positives in (0, rows):
        raise LabelError(
            f"label '{label}' in split '{split}'",
            expected="both 0 and 1",
            got=f"{rows} examples, all {int(positives > 0)}",
            way_out="Check the label in the query, `label.positive`, and the borders of `split`.",
        )


def _concatenate(batches: Sequence[Batch]) -> Batch:
    return Batch(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))


def _bounds(rows: int, size: int) -> list[tuple[int, int]]:
    """The ends of ceil(rows / size) batches of nearly one size: none is left with a single row."""
    steps = -(-rows // size)
    ends = [rows * step // steps for step in range(steps + 1)]
    return list(zip(ends, ends[1:], strict=False))


def _fill(rows: int, lengths: list[int]) -> list[tuple[int, int]]:
    """The bounds of the next batches that fit into a pool; takes their lengths off the list."""
    bounds, start = [], 0
    while lengths and start + lengths[0] <= rows:
        bounds.append((start, start + lengths[0]))
        start += lengths.pop(0)
    return bounds


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
