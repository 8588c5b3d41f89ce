"""The examples' Parquet shards as matrices, each value checked."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.shared.files.artifacts import shards
from components.shared.files.paths import map_places
from components.shared.files.place import Place
from components.shared.rows.label import binary_labels
from components.shared.rows.parquet import read_columns, read_footer
from components.train.features import ModelInputs
from configs.errors import EmptySplitError, TrainingError
from configs.rows import Split

_Values = NDArray[Any]
_WRITER = "transform"
_RUN_TRANSFORM = "Run the pipeline again with --from transform."


class Batch(NamedTuple):
    """Examples as matrices: one row an example, columns in the order of the model's inputs."""

    dense: NDArray[np.float32]
    """[rows, dense inputs]"""
    indexed: NDArray[np.int32]
    """[rows, indexed inputs]"""
    label: NDArray[np.float32]
    """[rows], 0 or 1"""

    @classmethod
    def empty(cls, rows: int, inputs: ModelInputs) -> "Batch":
        """An uninitialised batch of so many rows."""
        return cls(
            np.empty((rows, len(inputs.dense)), np.float32),
            np.empty((rows, len(inputs.indexed)), np.int32),
            np.empty(rows, np.float32),
        )

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.label)

    def slice(self, start: int, end: int) -> "Batch":
        """The rows from `start` up to `end`; nothing is copied."""
        return Batch(self.dense[start:end], self.indexed[start:end], self.label[start:end])

    def copy_from(self, first: "Batch") -> None:
        """Copy these rows to the beginning."""
        for part, values in zip(self, first, strict=True):
            part[: first.rows] = values

    def take(self, rows: "NDArray[np.intp]") -> "Batch":
        """A copy of these rows; every index must exist (`clip` is two times as fast as checking)."""
        return Batch(
            self.dense.take(rows, axis=0, mode="clip"),
            self.indexed.take(rows, axis=0, mode="clip"),
            self.label.take(rows, mode="clip"),
        )


Group = tuple[Place, int]
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

    def __init__(self, folder: Place, split: Split, inputs: ModelInputs) -> None:
        self._inputs, self._where = inputs, f"{split} examples"
        paths = shards(folder, split)
        footers = map_places(functools.partial(read_footer, writer=_WRITER), paths)
        self._footers = dict(zip(paths, footers, strict=True))
        self.rows = sum(footer.num_rows for footer in self._footers.values())
        if not self.rows:
            raise EmptySplitError(
                f"split '{split}'",
                expected="examples",
                got="none",
                remedy="Move the borders of `split` in the use case, or see what transform rejected.",
            )
        for path, footer in self._footers.items():
            self._check_columns(path, footer.schema.names)

    def _check_columns(self, path: Place, columns: Sequence[str]) -> None:
        missing = [name for name in self._inputs.columns if name not in columns]
        if missing:
            raise TrainingError(
                f"{self._where}, {path.name}",
                expected=f"the columns of features.json, {', '.join(missing)} among them",
                got=", ".join(columns),
                remedy=_RUN_TRANSFORM,
            )

    @property
    def groups(self) -> list[Group]:
        """All row groups, in order."""
        return [
            (path, group) for path, footer in self._footers.items() for group in range(footer.num_row_groups)
        ]

    def group_rows(self, group: Group) -> int:
        """The rows of a row group."""
        path, number = group
        rows: int = self._footers[path].row_group(number).num_rows
        return rows

    def read(self, groups: Sequence[Group]) -> Batch:
        """These row groups as one batch; see `fill`."""
        batch = self.empty_batch(sum(map(self.group_rows, groups)))
        self.fill(batch, groups)
        return batch

    def empty_batch(self, rows: int) -> Batch:
        """An uninitialised batch for so many of these examples."""
        return Batch.empty(rows, self._inputs)

    def fill(self, batch: Batch, groups: Iterable[Group]) -> None:
        """Read these row groups into a batch, one after the other; each value is checked and copied once.

        Raises:
            TrainingError: A number that is not finite, or an index beyond its cardinality.
            LabelError: A label other than 0 and 1.
            UnreadableFileError: Damaged Parquet.
        """
        start = 0
        for group in groups:
            end = start + self.group_rows(group)
            self._fill_group(batch.slice(start, end), group)
            start = end

    def _fill_group(self, batch: Batch, group: Group) -> None:
        inputs, where = self._inputs, f"{self._where}, {group[0].name}"
        table = self._read(group, inputs.columns)
        for index, name in enumerate(inputs.dense):
            batch.dense[:, index] = _check_finite(table.column(name).to_numpy(), f"{where}, column '{name}'")
        for index, (name, cardinality) in enumerate(inputs.indexed.items()):
            values = table.column(name).to_numpy()
            batch.indexed[:, index] = _check_indices(values, cardinality, f"{where}, column '{name}'")
        batch.label[:] = _read_label(table, inputs.label, where)

    def positives(self) -> int:
        """The number of examples whose label is 1; only the label's column is read."""
        name = self._inputs.label
        labels = (_read_label(self._read(group, [name]), name, self._where) for group in self.groups)
        return sum(int(label.sum(dtype=np.float64)) for label in labels)

    def _read(self, group: Group, columns: Sequence[str]) -> pa.Table:
        path, number = group
        return read_columns(path, columns, number, footer=self._footers[path], writer=_WRITER)


def _check_finite(values: _Values, where: str) -> _Values:
    if not np.isfinite(values).all():
        raise TrainingError(where, expected="finite numbers", got="NaN or infinity", remedy=_RUN_TRANSFORM)
    return values


def _check_indices(values: _Values, cardinality: int, where: str) -> _Values:
    if len(values) and not (values.min() >= 0 and values.max() < cardinality):  # NaN is neither
        raise TrainingError(
            where,
            expected=f"indices from 0 to {cardinality - 1}, as features.json says",
            got=f"{values.min()} to {values.max()}",
            remedy=_RUN_TRANSFORM,
        )
    return values


def _read_label(table: pa.Table, name: str, where: str) -> NDArray[np.float32]:
    return binary_labels(table.column(name), f"{where}, label '{name}'").astype(np.float32)
