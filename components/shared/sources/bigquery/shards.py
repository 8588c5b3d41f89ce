"""Parquet shards out of a table of BigQuery that has one partition for each."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.files.artifacts import writing_file
from components.shared.files.gcs.client import bucket_and_name, client, translate_gcs_errors
from components.shared.files.paths import place
from components.shared.files.place import Place, scheme
from components.shared.rows.parquet import read_footer
from components.shared.sources import googlesql
from components.shared.sources.bigquery.client import Connection, Statement
from components.shared.sources.bigquery.types import arrow_schema
from components.shared.stage.signals import Signals

_AT_A_TIME = 4
"""Shards that are exported, or in memory, at the same time."""
_ROW_GROUP_ROWS = 16_384


@dataclass(frozen=True)
class Shards:
    """What is to be written.

    Args:
        connection: Where the table is.
        table: `project.dataset.table`.
        column: The column that says to which shard, from 0, a row belongs; it is not written.
        count: How many shards.
        order: The columns that the rows of a shard are sorted by.
    """

    connection: Connection
    table: str
    column: str
    count: int
    order: tuple[str, ...]

    def write(self, shard: Callable[[int], Place], wrote: Callable[[int], None]) -> int:
        """Write every shard, and return the rows that lie there: counted in the files.

        Args:
            shard: Where shard number i goes.
            wrote: Called with the number of rows of each shard that was written.
        """
        rows, stopped = 0, threading.Event()
        with Signals(), ThreadPoolExecutor(_AT_A_TIME) as pool:
            try:
                started = [
                    pool.submit(self._write_one, index, shard(index), stopped) for index in range(self.count)
                ]
                for done in as_completed(started):
                    rows += done.result()
                    wrote(done.result())
            except BaseException:
                stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return rows

    def _write_one(self, index: int, path: Place, stopped: threading.Event) -> int:
        write = {"gs": self._export, "file": self._fetch}[scheme(path)]
        return write(index, path, stopped)

    def _export(self, index: int, path: Place, stopped: threading.Event) -> int:
        """By BigQuery itself: a file, and more where it would pass 1 GB."""
        stem = path.name.removesuffix(path.suffix)
        uri = str(path).removesuffix(path.name) + f"{stem}-*{path.suffix}"
        by = ", ".join(map(googlesql.quoted, self.order))
        options = f"uri = '{uri}', format = 'PARQUET', compression = 'SNAPPY', overwrite = true"
        export = (
            f"EXPORT DATA OPTIONS ({options}) AS\n"
            f"SELECT * EXCEPT ({self.column}) FROM {googlesql.quoted(self.table)} "
            f"WHERE {self.column} = {index} ORDER BY {by}"
        )

        def waiting(_: float) -> None:  # the thread of an export hears no signal itself
            if stopped.is_set():
                raise CancelledError

        self.connection.run(Statement(export), waiting)
        return sum(read_footer(file).num_rows for file in _files(path.parent / f"{stem}-"))

    def _fetch(self, index: int, path: Place, _: threading.Event) -> int:
        """Through the Storage Read API, whose streams have no order: sorted here."""
        with self.connection.translate_errors():
            fields = self.connection.client.get_table(self.table).schema
        schema = arrow_schema([field for field in fields if field.name != self.column])
        batches = self.connection.read(self.table, schema.names, f"{self.column} = {index}")
        table = pa.Table.from_batches([typed(each, schema) for each in batches], schema)
        by: Any = [(name, "ascending", "at_start") for name in self.order]  # as BigQuery puts NULL
        table = table.take(pc.sort_indices(table, sort_keys=by))
        with writing_file(path) as file:
            pq.write_table(table, file, row_group_size=_ROW_GROUP_ROWS)
        return int(table.num_rows)


def typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch as the service sent it, with the types of `schema` and none of its metadata."""
    columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _files(beginning: Place) -> list[Place]:
    """The objects on Cloud Storage whose names begin so."""
    bucket, name = bucket_and_name(str(beginning))
    with translate_gcs_errors(str(beginning)):
        return [place(f"gs://{bucket}/{each.name}") for each in client().list_blobs(bucket, prefix=name)]
