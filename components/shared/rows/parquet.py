"""Parquet shards, read one way: where they lie, by footer, batches or row groups.

Of a shard on `gs://` only the footer and the wanted columns are fetched. A file that is no whole Parquet file
is an `UnreadableFileError`, whoever reads it.
"""

import contextlib
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.files.place import Place
from components.shared.files.storage import storage
from configs.errors import UnreadableFileError


@contextlib.contextmanager
def open_parquet(
    path: Place, *, writer: str = "ingest", footer: pq.FileMetaData | None = None
) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file, here or on `gs://`.

    On `gs://`, Arrow itself joins the ranges it needs (`pre_buffer`) and keeps the wanted columns of one
    read in memory.

    Args:
        path: Where it lies.
        writer: The stage that wrote it, which the error names.
        footer: Its footer, if it is known already.

    Raises:
        UnreadableFileError: It is damaged, or not there.
    """
    there = storage(path)
    try:
        with (
            there.opened(path) as content,
            pq.ParquetFile(content, metadata=footer, pre_buffer=there.shared) as file,
        ):
            yield file
    except (pa.ArrowException, OSError) as error:
        raise UnreadableFileError(
            str(path),
            expected="a whole Parquet file",
            got=str(error).splitlines()[0],
            remedy=f"Write it again: run from `{writer}` (--from {writer}).",
        ) from error


def read_footer(path: Place, writer: str = "ingest") -> pq.FileMetaData:
    """The footer of a shard: its rows, row groups and columns; raises as `open_parquet`."""
    with open_parquet(path, writer=writer) as file:
        return file.metadata


def read_schema(path: Place) -> pa.Schema:
    """The columns of a shard; raises as `open_parquet`."""
    with open_parquet(path) as file:
        return file.schema_arrow


def read_batches(
    path: Place, columns: Sequence[str] | None, batch_rows: int, first: int = 0, end: int | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of a shard from `first` up to `end` in order, at most `batch_rows` at a time.

    Only the row groups with such rows are read. Raises as `open_parquet`.
    """
    with open_parquet(path) as file:
        groups, before = _row_groups(file.metadata, first, end)
        names = None if columns is None else list(columns)
        for batch in file.iter_batches(batch_rows, row_groups=groups, columns=names):
            start = max(first - before, 0)
            stop = batch.num_rows if end is None else min(end - before, batch.num_rows)
            before += batch.num_rows
            if start < stop:
                yield batch.slice(start, stop - start)


def read_columns(
    path: Place,
    columns: Sequence[str],
    row_group: int | None = None,
    *,
    footer: pq.FileMetaData | None = None,
    writer: str = "ingest",
) -> pa.Table:
    """Some columns of a shard, or of one of its row groups; raises as `open_parquet`."""
    with open_parquet(path, writer=writer, footer=footer) as file:
        if row_group is None:
            return file.read(list(columns))
        return file.read_row_group(row_group, list(columns), use_threads=False)


def _row_groups(footer: pq.FileMetaData, first: int, end: int | None) -> tuple[list[int], int]:
    """The row groups with rows from `first` up to `end`, and the place of their first row in the shard."""
    chosen: list[int] = []
    before = start = 0
    for number in range(footer.num_row_groups):
        stop = start + footer.row_group(number).num_rows
        if stop > first and (end is None or start < end):
            before = before if chosen else start
            chosen.append(number)
        start = stop
    return chosen, before
