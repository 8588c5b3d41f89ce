"""The model's inputs as features.json lists them, and examples' shards as matrices, each value checked."""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.shared.files.artifacts import read_json, shards
from components.shared.files.paths import map_places
from components.shared.files.place import Place
from components.shared.rows.label import binary_labels
from components.shared.rows.parquet import read_columns, read_footer
from configs.errors import EmptySplitError, TrainingError
from configs.rows import Split

_Values = NDArray[Any]
_WRITER = "transform"
_RUN_TRANSFORM = "Run the pipeline again with --from transform."


@dataclass(frozen=True)
class ModelInputs:
    """What the transform graph takes and what it makes."""

    dense: tuple[str, ...]
    """Inputs that enter as float32 numbers."""
    indexed: dict[str, int]
    """Inputs that enter as indices, and how many there are of each: 0 ≤ index < cardinality."""
    label: str
    numeric: tuple[str, ...]
    """Raw columns that enter the graph as float32, missing is NaN."""
    categorical: tuple[str, ...]
    """Raw columns that enter the graph as strings, missing is ""."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of an examples file that training reads."""
        return (*self.dense, *self.indexed, self.label)


def read_inputs(transform_graph: Place, label: str) -> ModelInputs:
    """The inputs of the graph in this folder.

    Raises:
        TrainingError: No readable features.json, no input at all, or another label than the settings'.
    """
    file = transform_graph / "features.json"
    try:
        inputs = _parse(read_json(file))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(
            str(file),
            expected="dense, indexed, label and raw inputs, as transform writes them",
            got=f"{type(error).__name__}: {error}",
            remedy=_RUN_TRANSFORM,
        ) from error
    if not inputs.dense and not inputs.indexed:
        raise TrainingError(str(file), expected="at least one input", got="none", remedy=_RUN_TRANSFORM)
    if inputs.label != label:
        raise TrainingError(
            f"the label of {file}", expected=f"'{label}'", got=f"'{inputs.label}'", remedy=_RUN_TRANSFORM
        )
    return inputs


def _parse(content: Any) -> ModelInputs:
    return ModelInputs(
        dense=tuple(content["dense"]),
        indexed={name: int(cardinality) for name, cardinality in content["indexed"].items()},
        label=content["label"],
        numeric=tuple(content["raw"]["numeric"]),
        categorical=tuple(content["raw"]["categorical"]),
    )


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
        self.rows = sum(footer.num_rows for footer in footers)
        self.groups: list[Group] = [
            (path, group) for path, footer in self._footers.items() for group in range(footer.num_row_groups)
        ]
        """All row groups, in order."""
        if not self.rows:
            raise EmptySplitError(
                f"split '{split}'",
                expected="examples",
                got="none",
                remedy="Move the borders of `split` in the use case, or see what transform rejected.",
            )
        for path, footer in self._footers.items():
            columns = footer.schema.names
            missing = [name for name in inputs.columns if name not in columns]
            if missing:
                raise TrainingError(
                    f"{self._where}, {path.name}",
                    expected=f"the columns of features.json, {', '.join(missing)} among them",
                    got=", ".join(columns),
                    remedy=_RUN_TRANSFORM,
                )

    def group_rows(self, group: Group) -> int:
        """The rows of a row group."""
        path, number = group
        rows: int = self._footers[path].row_group(number).num_rows
        return rows

    def read(self) -> Batch:
        """All row groups as one batch; see `fill`."""
        batch = self.empty_batch(self.rows)
        self.fill(batch, self.groups)
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
            values, subject = table.column(name).to_numpy(), f"{where}, column '{name}'"
            if not np.isfinite(values).all():
                got = "NaN or infinity"
                raise TrainingError(subject, expected="finite numbers", got=got, remedy=_RUN_TRANSFORM)
            batch.dense[:, index] = values
        for index, (name, cardinality) in enumerate(inputs.indexed.items()):
            values, subject = table.column(name).to_numpy(), f"{where}, column '{name}'"
            batch.indexed[:, index] = _check_indices(values, cardinality, subject)
        batch.label[:] = _read_label(table, inputs.label, where)

    def positives(self) -> int:
        """The number of examples whose label is 1; only the label's column is read."""
        name = self._inputs.label
        labels = (_read_label(self._read(group, [name]), name, self._where) for group in self.groups)
        return sum(int(label.sum(dtype=np.float64)) for label in labels)

    def _read(self, group: Group, columns: Sequence[str]) -> pa.Table:
        path, number = group
        return read_columns(path, columns, number, footer=self._footers[path], writer=_WRITER)


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
