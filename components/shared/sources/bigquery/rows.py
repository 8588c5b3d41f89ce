"""A selection's rows in BigQuery: materialized in a temporary table, queried in GoogleSQL, written as shards.

Holding writes the rows into a table of `cloud.bigquery.temporary_dataset` that expires by itself: the
query is paid for once, and everything after reads the table. The anonymous table that every query
leaves behind would cost nothing more, but BigQuery advises against queries over it and limits it to
10 GB. The table is neither partitioned nor clustered: what splits the rows is an expression over
several columns, which prunes nothing. The shards are, below.
"""

import contextlib
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shared.files.artifacts import writing_file
from components.shared.files.gcs.client import bucket_and_name, client, translate_gcs_errors
from components.shared.files.paths import place
from components.shared.files.place import Place, scheme
from components.shared.rows.parquet import read_footer
from components.shared.sources import googlesql
from components.shared.sources.bigquery import errors
from components.shared.sources.bigquery.client import Connection, Statement
from components.shared.sources.bigquery.types import arrow_schema, result_columns
from components.shared.sources.googlesql.syntax import Name, Query, Select, Star, Table
from components.shared.sources.source import RESULT, Wrote
from components.shared.stage.recording import Progress, silent
from components.shared.stage.signals import Signals

_MOST_SHARDS = 4_000
"""The partitions that one job may write."""
_AT_A_TIME = 4
"""Shards that are exported, or in memory, at the same time."""
_ROW_GROUP_ROWS = 16_384


class Bound(NamedTuple):
    """A query that BigQuery has understood in a dry run."""

    statement: Statement
    job: Any
    """The job as it would be: its result's `SchemaField`s, the bytes to scan, and where it would run."""
    tables: frozenset[str]
    """`project.dataset.table` of all that it reads, through views too."""
    volatile: bool = False
    """Whether it asks for the time or for random numbers."""


class BoundRows:
    """The rows of a bound query; materialized, they are a table of the temporary dataset."""

    def __init__(self, connection: Connection, bound: Bound) -> None:
        self._connection, self._bound = connection, bound
        self.schema = arrow_schema(bound.job.schema or ())
        self.estimate: Mapping[str, int] = {"scanned_bytes": bound.job.total_bytes_processed or 0}
        self._result = ""
        self._made: list[str] = []

    def materialize(self, progress: Progress = silent) -> int:
        """See `Rows.materialize`; progress and log show the bytes to scan before it runs."""
        status = f"running the query ({errors.size(self.estimate['scanned_bytes'])} to scan)"
        progress(status, 0)
        sys.stdout.write(f"BigQuery: {status}\n")  # for the log, where nobody watches the progress
        statement = self._bound.statement
        typed = f"SELECT {result_columns(self._bound.job.schema)} FROM (\n{statement.sql}\n)"  # noqa: S608 - quoted
        self._result = self._make(
            "rows",
            replace(statement, sql=typed, lines_before=2),
            waiting=lambda seconds: progress(f"{status}, {seconds:.0f} s", 0),
        )
        with self._connection.translate_errors():
            return int(self._connection.client.get_table(self._result).num_rows)

    def select(self, sql: str, batch_rows: int = 10_000) -> Iterator[pa.RecordBatch]:
        """See `Rows.select`.

        Columns of `result` and nothing else (`SELECT a, b FROM result`) are read from the materialized table
        through the Storage Read API: no query, any size. All else is a query whose rows come in pages
        over REST: quicker for few rows (counts, samples), slow for millions.
        """
        query = googlesql.parse(sql)
        columns = _plain_columns(query, self.schema.names)
        if columns is None:
            yield from self._connection.pages(self._over_result(query), batch_rows)
            return
        schema = pa.schema([self.schema.field(name) for name in columns])
        for batch in self._connection.read(self._result, columns):
            for start in range(0, batch.num_rows, batch_rows):
                yield _typed(batch.slice(start, batch_rows), schema)

    def write(
        self,
        sql: str,
        order: Sequence[str],
        shard: Callable[[int], Place],
        shard_rows: int,
        wrote: Wrote = lambda _: None,
    ) -> int:
        """See `Rows.write`.

        The rows are laid out once more, in a table with a partition for each shard: which one a row
        belongs to, the FARM_FINGERPRINT of the columns in `order` says. BigQuery promises no file size
        for an export, but exports a partition by itself; to number the rows instead would put them all
        through one worker. Beyond `_MOST_SHARDS`, shards grow.

        Shards on Cloud Storage are exported by BigQuery itself (`EXPORT DATA`) and never pass through
        this machine; shards of this machine are read through the Storage Read API. Rows are ordered
        within a shard, not between shards.
        """
        query = self._over_result(googlesql.parse(sql))
        counted = self._connection.pages(f"SELECT COUNT(*) AS total FROM (\n{query}\n)", 1)  # noqa: S608 - ours
        count = min(-(-sum(batch.to_pylist()[0]["total"] for batch in counted) // shard_rows), _MOST_SHARDS)
        column = _free_name("shard", self.schema.names)
        hashed = f"FARM_FINGERPRINT(TO_JSON_STRING(STRUCT({', '.join(map(googlesql.quoted, order))})))"
        table = self._make(
            "shards",
            Statement(f"SELECT *, ABS(MOD({hashed}, {count})) AS {column} FROM (\n{query}\n)"),  # noqa: S608 - ours
            f"PARTITION BY RANGE_BUCKET({column}, GENERATE_ARRAY(0, {count}, 1)) ",
        )
        shards = _Shards(self._connection, table, column, tuple(order))
        return shards.write([shard(index) for index in range(count)], wrote)

    def drop(self) -> None:
        """Drop what was made; a table that stays for lack of a connection expires."""
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        for table in self._made:
            with contextlib.suppress(GoogleAPIError, GoogleAuthError):
                self._connection.client.delete_table(table, not_found_ok=True)

    def _make(
        self,
        kind: str,
        statement: Statement,
        layout: str = "",
        waiting: Callable[[float], None] = lambda _: None,
    ) -> str:
        """A table of the temporary dataset, filled by a query; returns `project.dataset.table`.

        Args:
            kind: The beginning of its name.
            statement: The query; where it is about a user's, that begins on its second line.
            layout: Clauses on partitions.
            waiting: Called now and then with the seconds that it has taken.
        """
        access = self._connection.access
        dataset = f"{access.project}.{access.bigquery.temporary_dataset}"
        if not self._made:
            self._connection.make_dataset(
                dataset, expire_hours=access.bigquery.expire_hours, location=self._bound.job.location or ""
            )
        name = f"{dataset}.{kind}_{uuid.uuid4().hex}"
        self._made.append(name)
        labels = ", ".join(f"('{key}', '{value}')" for key, value in access.labels.items())
        hours = access.bigquery.expire_hours
        options = f"expiration_timestamp = TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL {hours} HOUR)"
        options += f", labels = [{labels}]" if labels else ""
        create = f"CREATE OR REPLACE TABLE {googlesql.quoted(name)} {layout}OPTIONS ({options}) AS\n"
        self._connection.run(replace(statement, sql=create + statement.sql), waiting)
        return name

    def _over_result(self, query: googlesql.Query) -> str:
        """A query over `result` as one over the materialized table."""
        return googlesql.spliced(
            query,
            lambda table: (
                None
                if table.dataset or table.name != RESULT
                else googlesql.quoted(self._result) + ("" if table.alias else f" AS {RESULT}")
            ),
        )


@dataclass(frozen=True)
class _Shards:
    """A table that is written as Parquet shards."""

    connection: Connection
    table: str
    """`project.dataset.table`, with a partition for each shard."""
    column: str
    """The column that says to which shard, from 0, a row belongs; it is not written."""
    order: tuple[str, ...]
    """The columns that the rows of a shard are sorted by."""

    def write(self, paths: Sequence[Place], wrote: Wrote) -> int:
        """Write every shard, and return the rows that lie there: counted in the files."""
        rows, stopped = 0, threading.Event()
        with Signals(), ThreadPoolExecutor(_AT_A_TIME) as pool:
            try:
                started = [
                    pool.submit(self._export, index, path, stopped)
                    if scheme(path) == "gs"
                    else pool.submit(self._fetch, index, path)
                    for index, path in enumerate(paths)
                ]
                for done in as_completed(started):
                    rows += done.result()
                    wrote(done.result())
            except BaseException:
                stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return rows

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

    def _fetch(self, index: int, path: Place) -> int:
        """Through the Storage Read API, whose streams have no order: sorted here."""
        with self.connection.translate_errors():
            fields = self.connection.client.get_table(self.table).schema
        schema = arrow_schema([field for field in fields if field.name != self.column])
        batches = self.connection.read(self.table, schema.names, f"{self.column} = {index}")
        table = pa.Table.from_batches([_typed(each, schema) for each in batches], schema)
        by: Any = [(name, "ascending", "at_start") for name in self.order]  # as BigQuery puts NULL
        table = table.take(pc.sort_indices(table, sort_keys=by))
        with writing_file(path) as file:
            pq.write_table(table, file, row_group_size=_ROW_GROUP_ROWS)
        return int(table.num_rows)


def _typed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch as the service sent it, with the types of `schema` and none of its metadata."""
    columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _files(beginning: Place) -> list[Place]:
    """The objects on Cloud Storage whose names begin so."""
    bucket, name = bucket_and_name(str(beginning))
    with translate_gcs_errors(str(beginning)):
        return [place(f"gs://{bucket}/{each.name}") for each in client().list_blobs(bucket, prefix=name)]


def _plain_columns(query: googlesql.Query, names: Sequence[str]) -> list[str] | None:
    """The columns of a query that does nothing but name them, or `*`; None for any other."""
    body = query.tree.body
    if not isinstance(body, Select) or [table.name for table in query.tables] != [RESULT]:
        return None
    plain = Select(at=0, items=body.items, source=body.source)
    if query.tree != Query(at=0, body=plain) or not isinstance(body.source, Table):
        return None
    if [each.value for each in body.items] == [Star(at=0)]:
        return list(names)
    by_lower = {name.lower(): name for name in names}
    columns = [
        by_lower.get(each.value.parts[0].lower(), "")
        for each in body.items
        if isinstance(each.value, Name) and len(each.value.parts) == 1 and not each.alias
    ]
    return columns if all(columns) and len(columns) == len(body.items) else None


def _free_name(name: str, taken: Sequence[str]) -> str:
    """A column's name that no other column has."""
    lower = {each.lower() for each in taken}
    while name in lower:
        name += "_"
    return name
