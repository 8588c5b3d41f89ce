"""The frozen test split: its rows, checked before anything is scored."""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.evaluate.slices import Ids
from components.shared.files.artifacts import shards
from components.shared.files.paths import parallel_map
from components.shared.rows.parquet import opened
from configs.errors import EmptySplitError, LabelError, UnreadableFileError

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
                    yield batch, _labels(batch.column(self.label))

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
    if label not in schema.names:
        raise LabelError(f"label '{label}'", expected="a column of the rows", got=", ".join(schema.names))
    rows = positives = 0
    for file, column in zip(files, parallel_map(functools.partial(_column, label), files), strict=True):
        _check_binary(column, label, file)
        rows, positives = rows + len(column), positives + int(pc.sum(column).as_py() or 0)
    if not rows:
        raise _empty()
    if positives in (0, rows):
        raise LabelError(
            f"label '{label}' in the test split",
            expected="rows of both labels",
            got=f"{rows} rows, all {1 if positives else 0}",
            remedy="Change the split, so that the test rows hold both.",
        )
    return FrozenSplit(files, schema, label, rows, positives)


def _row_groups(file: Path) -> list[int]:
    """The rows of each."""
    with _readable(file), opened(file) as parquet:
        every = range(parquet.num_row_groups)
        return [parquet.metadata.row_group(each).num_rows for each in every]


def _column(name: str, file: Path) -> "pa.ChunkedArray[Any]":
    with _readable(file), opened(file) as parquet:
        return parquet.read(columns=[name]).column(name)


def _check_binary(column: "pa.ChunkedArray[Any]", label: str, file: Path) -> None:
    missing = column.null_count
    numbers = pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)
    values = pc.unique(column).drop_null().to_pylist() if numbers else []
    if missing or not numbers or not set(values) <= {0, 1}:
        got = f"{missing} missing" if missing else ", ".join(map(str, values[:5])) or str(column.type)
        raise LabelError(
            f"label '{label}' in {file.name} of the test split",
            expected="0 or 1 in every row",
            got=got,
            remedy="Run `ingest` again: it excludes rows without a label and counts them.",
        )


def _labels(column: "pa.Array[Any]") -> Ids:
    return column.cast(pa.int64()).to_numpy(zero_copy_only=False).astype(np.int64)


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
