"""The frozen test split: its rows, checked before anything is scored."""

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from components.evaluate.slices import Ids
from components.shared.files.artifacts import shards
from components.shared.files.paths import map_places
from components.shared.files.place import Place
from components.shared.rows.label import binary_labels, check_both, check_label
from components.shared.rows.parquet import read_columns, read_schema
from components.shared.rows.row_ranges import RowRange, plan_ranges, plan_row_groups, read_range
from configs.errors import EmptySplitError

_PART_ROWS = 200_000
"""Row groups that one worker reads together have about as many rows."""


@dataclass(frozen=True)
class Part:
    """A row range of the split; `first` is the place in the split of its first row."""

    rows: RowRange
    first: int


@dataclass(frozen=True)
class FrozenSplit:
    """Shards with rows of both labels."""

    folder: Place
    """The `rows` artifact."""
    schema: pa.Schema
    label: str
    rows: int
    positives: int

    def batches(
        self, batch_rows: int, columns: Sequence[str], part: Part | None = None
    ) -> Iterator[tuple[pa.RecordBatch, Ids]]:
        """The rows in order with their labels 0 or 1 [rows], `columns` and the label at least."""
        wanted = [name for name in self.schema.names if name in {*columns, self.label}]
        for row_range in [part.rows] if part else plan_ranges(self.folder, "test", self.rows):
            for batch in read_range(row_range, wanted, batch_rows):
                yield batch, self._labels(batch)

    def _labels(self, batch: pa.RecordBatch) -> Ids:
        return binary_labels(batch.column(self.label), _where(self.label)).astype(np.int64)

    def parts(self) -> list[Part]:
        """All rows, in ranges that one worker reads at a time."""
        ranges = plan_row_groups(self.folder, "test", _PART_ROWS)
        ends = itertools.accumulate(row_range.rows for row_range in ranges)
        return [Part(row_range, end - row_range.rows) for row_range, end in zip(ranges, ends, strict=True)]


def open_split(folder: Place, label: str) -> FrozenSplit:
    """The test split of a `rows` artifact.

    Raises:
        EmptySplitError: There are no test rows.
        LabelError: The label is missing somewhere, not 0 or 1, or the same in all rows.
        UnreadableFileError: A shard is no Parquet.
    """
    files = shards(folder, "test")
    empty = EmptySplitError(
        "split 'test'",
        expected="rows to judge the model on",
        got="none",
        remedy="Move `split.test_from`, or raise `split.test_percent`.",
    )
    if not files:
        raise empty
    schema = read_schema(files[0])
    check_label(schema, label)
    rows = positives = 0
    for file, column in zip(files, map_places(functools.partial(_column, label), files), strict=True):
        labels = binary_labels(column, f"{_where(label)}, {file.name}")
        rows, positives = rows + len(labels), positives + int(labels.sum())
    if not rows:
        raise empty
    check_both(label, "test", rows, positives)
    return FrozenSplit(folder, schema, label, rows, positives)


def _column(name: str, file: Place) -> "pa.ChunkedArray[Any]":
    return read_columns(file, [name]).column(name)


def _where(label: str) -> str:
    return f"label '{label}' in split 'test'"
