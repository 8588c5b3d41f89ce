"""Pieces of the rows: what one worker reads, a batch at a time, and writes as one shard."""

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from components.shared.files.artifacts import shards
from components.shared.files.paths import parallel_map, place
from components.shared.rows.parquet import opened
from configs.errors import UnreadableFileError
from configs.rows import Part


@dataclasses.dataclass(frozen=True)
class RowRange:
    """The rows from `first` up to `end` of a shard; `index` counts the pieces of the split."""

    split: Part
    shard: str
    first: int
    end: int
    index: int

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.end - self.first


def plan_ranges(folder: Path, split: Part, shard_rows: int) -> list[RowRange]:
    """All rows of a split or of those to score, cut at the shards' ends and at most `shard_rows` long.

    Raises:
        UnreadableFileError: A shard that is not Parquet.
    """
    found: list[RowRange] = []
    every = shards(folder, split)
    for shard, total in zip(every, parallel_map(_rows, every), strict=True):
        for first in range(0, total, shard_rows):
            end = min(first + shard_rows, total)
            found.append(RowRange(split, str(shard), first, end, len(found)))
    return found


def batches(piece: RowRange, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a piece in order, at most `batch_rows` at a time.

    Raises:
        UnreadableFileError: The shard is damaged.
    """
    before = 0
    with _readable(piece.shard), opened(place(piece.shard)) as shard:
        for batch in shard.iter_batches(batch_rows, columns=list(columns)):
            first, end = max(piece.first - before, 0), piece.end - before
            before += batch.num_rows
            if first < batch.num_rows:
                yield batch.slice(first, end - first)
            if before >= piece.end:
                return


def schema(shard: str) -> pa.Schema:
    """The columns of a shard."""
    with _readable(shard), opened(place(shard)) as file:
        return file.schema_arrow


def _rows(shard: Path) -> int:
    with _readable(str(shard)), opened(shard) as file:
        return file.metadata.num_rows


@contextlib.contextmanager
def _readable(shard: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(
            shard,
            expected="a whole Parquet file",
            got=str(error).splitlines()[0],
            remedy="Write the rows again: run from `ingest`.",
        ) from error
