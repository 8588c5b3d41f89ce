"""The frozen test split: its rows, checked before anything is scored."""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from components.evaluate.slices import Ids
from components.shared.files.artifacts import shards
from components.shared.files.paths import parallel_map
from components.shared.rows.label import binary_labels, check_both, check_label
from components.shared.rows.parquet import opened
from configs.errors import EmptySplitError, UnreadableFileError

_PART_ROWS = 200_000
"""Row groups that one worker reads together have about as many rows."""


@dataclass(frozen=True)
class Part:
    """Some row groups of a shard; `first` is the place in the split of their first row."""

    file: Path
    row_groups: tuple[int, ...]
    first: int


@dataclass(frozen=True)
class FrozenSplit:
    """Shards with rows of both labels."""

    files: Sequence[Path]
    schema: pa.Schema
    label: str
    rows: int
    positives: int

    def batches(
        self, batch_rows: int, columns: Sequence[str], part: Part | None = None
    ) -> Iterator[tuple[pa.RecordBatch, Ids]]:
        """The rows in order with their labels 0 or 1 [rows], `columns` and the label at least."""
        wanted = [name for name in self.schema.names if name in {*columns, self.label}]
        row_groups = list(part.row_groups) if part else None
        for file in [part.file] if part else self.files:
            with _readable(file), opened(file) as parquet:
                for batch in parquet.iter_batches(batch_rows, row_groups=row_groups, columns=wanted):
                    yield batch, self._labels(batch)

    def _labels(self, batch: pa.RecordBatch) -> Ids:
        return binary_labels(batch.column(self.label), _where(self.label)).astype(np.int64)

    def parts(self) -> list[Part]:
        """All rows, cut where row groups end."""
        found: list[Part] = []
        first = 0
        for file, sizes in zip(self.files, parallel_map(_row_groups, self.files), strict=True):
            run: list[int] = []
            for group in range(len(sizes)):
                run.append(group)
                if sum(sizes[each] for each in run) >= _PART_ROWS or group == len(sizes) - 1:
                    found.append(Part(file, tuple(run), first))
                    first += sum(sizes[each] for each in run)
                    run = []
        return found


def open_split(folder: Path, label: str) -> FrozenSplit:
    """The test split of a `rows` artifact.

    Raises:
        EmptySplitError: There are no test rows.
        LabelError: The label is missing somewhere, not 0 or 1, or the same in all rows.
        UnreadableFileError: A shard is no Parquet.
    """
    files = shards(folder, "test")
    if not files:
        raise _empty()
    with _readable(files[0]), opened(files[0]) as parquet:
        schema = parquet.schema_arrow
    check_label(schema, label)
    rows = positives = 0
    for file, column in zip(files, parallel_map(functools.partial(_column, label), files), strict=True):
        labels = binary_labels(column, f"{_where(label)}, {file.name}")
        rows, positives = rows + len(labels), positives + int(labels.sum())
    if not rows:
        raise _empty()
    check_both(label, "test", rows, positives)
    return FrozenSplit(files, schema, label, rows, positives)


def _row_groups(file: Path) -> list[int]:
    """The rows of each."""
    with _readable(file), opened(file) as parquet:
        every = range(parquet.num_row_groups)
        return [parquet.metadata.row_group(each).num_rows for each in every]


def _column(name: str, file: Path) -> "pa.ChunkedArray[Any]":
    with _readable(file), opened(file) as parquet:
        return parquet.read(columns=[name]).column(name)


def _where(label: str) -> str:
    return f"label '{label}' in split 'test'"


def _empty() -> EmptySplitError:
    return EmptySplitError(
        "split 'test'",
        expected="rows to judge the model on",
        got="none",
        remedy="Move `split.test_from`, or raise `split.test_percent`.",
    )


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        raise UnreadableFileError(
            str(file),
            expected="a Parquet shard",
            got=str(error).splitlines()[0],
            remedy="Run again from `ingest`: --from ingest",
        ) from error
