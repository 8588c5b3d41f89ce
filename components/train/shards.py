"""The examples' Parquet shards as batches of matrices, each value checked."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from components.artifacts import shards
from components.train.features import ModelInputs
from configs.errors import EmptySplitError, LabelError, TrainingError, UnreadableFileError
from configs.settings import Split

_Number = TypeVar("_Number", np.float32, np.int32)
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


Group = tuple[Path, int]
"""A row group: its shard and its number there."""


class Shards:
    """The row groups of one split.

    Args:
        folder: The examples.
        split: Which of them.
        inputs: The columns that are read.

    Raises:
        EmptySplitError: No examples.
        TrainingError: A column is missing.
        UnreadableFileError: A shard is not Parquet.
    """

    def __init__(self, folder: Path, split: Split, inputs: ModelInputs) -> None:
        self._inputs, self._where = inputs, f"{split} examples"
        self._footers = {path: _footer(path) for path in shards(folder, split)}
        self.rows = sum(footer.num_rows for footer in self._footers.values())
        if not self.rows:
            raise EmptySplitError(
                f"split '{split}'",
                expected="examples",
                got="none",
                way_out="Move the borders of `split` in the use case, or see what transform rejected.",
            )
        for path, footer in self._footers.items():
            self._check_columns(path, footer.schema.names)

    def _check_columns(self, path: Path, columns: Sequence[str]) -> None:
        missing = [name for name in self._inputs.columns if name not in columns]
        if missing:
            raise TrainingError(
                f"{self._where}, {path.name}",
                expected=f"the columns of features.json, {', '.join(missing)} among them",
                got=", ".join(columns),
                way_out=_RUN_TRANSFORM,
            )

    @property
    def groups(self) -> list[Group]:
        """All row groups, in order."""
        return [
            (path, group) for path, footer in self._footers.items() for group in range(footer.num_row_groups)
        ]

    def batches(self, groups: Iterable[Group]) -> Iterator[Batch]:
        """These row groups, one batch each.

        Raises:
            TrainingError: A number that is not finite, or an index beyond its cardinality.
            LabelError: A label other than 0 and 1.
            UnreadableFileError: Damaged Parquet.
        """
        inputs = self._inputs
        for group in groups:
            table, where = self._read(group, inputs.columns), f"{self._where}, {group[0].name}"
            # Column by column first: contiguous values are checked several times quicker than strided ones.
            dense = _columns(table, inputs.dense, np.float32)
            indexed = _columns(table, list(inputs.indexed), np.int32)
            _check_dense(dense, inputs, where)
            _check_indexed(indexed, inputs, where)
            label = _label(table, inputs.label, where)
            yield Batch(np.ascontiguousarray(dense.T), np.ascontiguousarray(indexed.T), label)

    def positives(self) -> int:
        """How many examples are labelled 1, from the label's column alone."""
        name = self._inputs.label
        labels = (_label(self._read(group, [name]), name, self._where) for group in self.groups)
        return sum(int(label.sum(dtype=np.float64)) for label in labels)

    def _read(self, group: Group, columns: Sequence[str]) -> pa.Table:
        path, number = group
        try:
            with pq.ParquetFile(path, metadata=self._footers[path]) as file:
                return file.read_row_group(number, columns=list(columns), use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error


def _footer(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UnreadableFileError:
    return UnreadableFileError(
        str(path), expected="a Parquet file", got=str(error).splitlines()[0], way_out=_RUN_TRANSFORM
    )


def _columns(table: pa.Table, names: Sequence[str], dtype: type[_Number]) -> NDArray[_Number]:
    """The columns as a matrix [columns, rows]."""
    if not names:
        return np.empty((0, len(table)), dtype)
    return np.stack([table.column(name).to_numpy() for name in names]).astype(dtype, copy=False)


def _check_dense(dense: NDArray[np.float32], inputs: ModelInputs, where: str) -> None:
    finite = np.isfinite(dense).all(axis=1)
    if not finite.all():
        raise TrainingError(
            f"{where}, column '{inputs.dense[int(np.argmin(finite))]}'",
            expected="finite numbers",
            got="NaN or infinity",
            way_out=_RUN_TRANSFORM,
        )


def _check_indexed(indexed: NDArray[np.int32], inputs: ModelInputs, where: str) -> None:
    for values, (column, cardinality) in zip(indexed, inputs.indexed.items(), strict=True):
        if len(values) and (values.min() < 0 or values.max() >= cardinality):
            raise TrainingError(
                f"{where}, column '{column}'",
                expected=f"indices from 0 to {cardinality - 1}, as features.json says",
                got=f"{values.min()} to {values.max()}",
                way_out=_RUN_TRANSFORM,
            )


def _label(table: pa.Table, name: str, where: str) -> NDArray[np.float32]:
    label = table.column(name).to_numpy()
    binary = np.isin(label, (0, 1))
    if not binary.all():
        raise LabelError(
            f"{where}, label '{name}'",
            expected="0 or 1",
            got=str(label[~binary][0]),
            way_out="Name the value that counts as 1 in `label.positive`.",
        )
    return label.astype(np.float32)
