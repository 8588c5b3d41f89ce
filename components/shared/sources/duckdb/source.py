"""DuckDB in this process: the engine behind `duckdb://` and `file://`, with limits of its own.

Each query has an in-memory database that spills to a temporary folder beyond its memory
limit; a catalog hangs tables into it, read-only.
"""

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from components.shared.files.artifacts import writing_file
from components.shared.files.place import Place
from components.shared.sources import googlesql
from components.shared.sources.duckdb.errors import translate_duckdb_error
from components.shared.sources.duckdb.farmhash import fingerprints
from components.shared.sources.source import RESULT, Rows, Wrote
from components.shared.stage.recording import Progress, silent
from configs.errors import PipelineError, QueryError, SourceError
from configs.rows import Ingest
from configs.rows import Source as Selection

_GOOGLESQL_TYPES = {
    **dict.fromkeys(("NULL", '"NULL"'), "BIGINT"),  # nothing but NULL, as in BigQuery
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "HUGEINT"), "BIGINT"),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"), "BIGINT"),
    **dict.fromkeys(("FLOAT", "DECIMAL"), "DOUBLE"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "TIMESTAMPTZ"),
    **dict.fromkeys(("ENUM", "UUID", "JSON", "TIME", "INTERVAL", "TIME WITH TIME ZONE"), "VARCHAR"),
}
"""DuckDB types that GoogleSQL has no counterpart for, or that the rows keep as another."""
_ROW_GROUP_ROWS = 16_384


class Catalog(Protocol):
    """Tables that can be hung into a DuckDB connection."""

    def names(self, connection: Any) -> list[tuple[str, str]]:
        """Datasets ("" where there are none) and tables, in order; opens what must be opened.

        Raises:
            SourceError: What lies there cannot be opened.
        """

    def relation(self, connection: Any, dataset: str, table: str) -> exp.Table:
        """How DuckDB's SQL reads one of these tables."""

    def digest(self, connection: Any, dataset: str, table: str) -> str:
        """A digest of a table's content."""

    def translate_error(self, connection: Any, error: Exception) -> PipelineError | None:
        """What the error says about the place where tables lie, if it does."""


class DuckDBSource:
    """The tables of a catalog, read with GoogleSQL through sqlglot."""

    def __init__(self, uri: str, catalog: Catalog, limits: Ingest) -> None:
        self.uri, self._catalog, self._limits = uri, catalog, limits

    def tables(self) -> dict[str, pa.Schema]:
        """See `Source.tables`."""
        with self._session() as session:
            return {".".join(filter(None, name)): session.table_schema(*name) for name in session.names}

    def fingerprint(self, selection: Selection) -> str:
        """See `Source.fingerprint`."""
        with self._session() as session:
            query = session.query(selection)
            used = sorted({session.find(query, table) for table in query.tables})
            total = hashlib.blake2b(digest_size=16)
            for dataset, table in used:
                digest = self._catalog.digest(session.connection, dataset, table)
                total.update(f"{dataset}.{table} {digest}\n".encode())
            return total.hexdigest()

    @contextlib.contextmanager
    def rows(self, selection: Selection) -> Iterator[Rows]:
        """See `Source.rows`."""
        with self._session() as session:
            yield _BoundRows(session, session.bound(selection))

    @contextlib.contextmanager
    def _session(self) -> Iterator["_Session"]:
        with (
            tempfile.TemporaryDirectory(prefix="duckdb-") as spill,
            contextlib.closing(_connect(self._limits, spill)) as connection,
        ):
            yield _Session(connection, self._catalog)


class _Bound(NamedTuple):
    """A query that DuckDB understands."""

    query: googlesql.Query
    translated: str
    """In DuckDB's SQL."""
    typed: str
    """The same with the types of GoogleSQL; the translation begins on its second line."""
    schema: pa.Schema


class _BoundRows:
    """A selection in DuckDB; materialized, its rows are the table `result`."""

    def __init__(self, session: "_Session", bound: _Bound) -> None:
        self._session, self._bound, self.schema = session, bound, bound.schema
        self.estimate: Mapping[str, int] = {}

    def materialize(self, progress: Progress = silent) -> int:
        """See `Rows.materialize`."""
        progress("running the query", 0)
        self._session.run(f"CREATE TABLE {RESULT} AS {self._bound.typed}", self._bound)
        return len(self._session.connection.table(RESULT))

    def select(self, sql: str, batch_rows: int = 10_000) -> Iterator[pa.RecordBatch]:
        """See `Rows.select`."""
        query = googlesql.parse(sql)
        translated = googlesql.to_duckdb(query, {}, lambda table: table.copy())
        connection = self._session.connection
        try:
            plain = _with_googlesql_types(translated, connection.sql(translated))
            yield from connection.sql(plain).to_arrow_reader(batch_rows)
        except duckdb.Error as error:
            raise translate_duckdb_error(error, query, translated) from error

    def write(
        self,
        sql: str,
        order: Sequence[str],
        shard: Callable[[int], Place],
        shard_rows: int,
        wrote: Wrote = lambda _: None,
    ) -> int:
        """See `Rows.write`; all rows in order, every shard but the last of exactly `shard_rows`."""
        by = ", ".join(exp.to_identifier(name, quoted=True).sql("bigquery") for name in order)
        total = 0
        for index, table in enumerate(self._tables(f"SELECT * FROM (\n{sql}\n) ORDER BY {by}", shard_rows)):  # noqa: S608 - quoted
            with writing_file(shard(index)) as file:
                pq.write_table(table, file, row_group_size=_ROW_GROUP_ROWS)
            total += table.num_rows
            wrote(table.num_rows)
        return total

    def _tables(self, sql: str, size: int) -> Iterator[pa.Table]:
        """The rows of a query in tables of exactly `size` rows; the last may be shorter."""
        pending: list[pa.RecordBatch] = []
        for batch in self.select(sql, size):
            rest = batch
            while rest.num_rows:
                missing = size - sum(each.num_rows for each in pending)
                pending.append(rest.slice(0, missing))
                rest = rest.slice(missing)
                if missing <= pending[-1].num_rows:
                    yield pa.Table.from_batches(pending)
                    pending = []
        if pending:
            yield pa.Table.from_batches(pending)


def _connect(limits: Ingest, spill: str) -> Any:
    """An in-memory database with the limits, UTC clocks and FARM_FINGERPRINT."""
    config = {"memory_limit": limits.memory_limit, "threads": limits.threads, "temp_directory": spill}
    connection = duckdb.connect(":memory:", config=config)
    connection.execute("SET TimeZone = 'UTC'")
    connection.create_function(
        "farm_fingerprint",
        lambda values: fingerprints(values),  # noqa: PLW0108 - DuckDB evaluates annotations, quoted ones too
        ["VARCHAR"],
        "BIGINT",
        type="arrow",
    )
    return connection


class _Session:
    """A connection with the tables of a catalog."""

    def __init__(self, connection: Any, catalog: Catalog) -> None:
        self.connection, self._catalog = connection, catalog
        self.names = catalog.names(connection)

    def query(self, selection: Selection) -> googlesql.Query:
        """The selection's SQL; without one, every column of the only table."""
        if selection.sql.strip():
            return googlesql.parse(selection.sql)
        if len(self.names) != 1:
            raise SourceError(
                "source.query is empty",
                expected="exactly one table to read",
                got=_listed(self.names) or "none",
                remedy="Name a SQL file in source.query, or put the files of one table into a sub-folder.",
            )
        dataset, name = self.names[0]
        table = exp.table_(name, db=dataset or None, quoted=True)
        return googlesql.parse(exp.select("*").from_(table).sql("bigquery"))

    def find(self, query: googlesql.Query, table: exp.Table) -> tuple[str, str]:
        """The dataset and table that a name in the query means."""
        dataset, name = table.db.lower(), table.name.lower()
        found = [
            each
            for each in self.names
            if each[1].lower() == name and (not dataset or each[0].lower() in ("", dataset))
        ]
        if len(found) == 1:
            return found[0]
        full = ".".join(filter(None, (table.db, table.name)))
        position = query.position(table)
        raise QueryError(
            f"the query, table '{full}'" + (f", {position}" if position else ""),
            expected=f"one of {_listed(self.names)}" if not found else "a dataset before its name",
            got="no such table" if not found else f"that name in {_listed(found)}",
        )

    def bound(self, selection: Selection) -> _Bound:
        """A selection's query, understood; nothing is run."""
        query = self.query(selection)
        translated = googlesql.to_duckdb(
            query,
            selection.parameters,
            lambda table: self._catalog.relation(self.connection, *self.find(query, table)),
        )
        self.run(f"EXPLAIN\n{translated}", _Bound(query, translated, "", pa.schema([])))
        relation = self.connection.sql(translated)
        googlesql.check_names(relation.columns)
        typed = _with_googlesql_types(translated, relation)
        return _Bound(query, translated, typed, _arrow_schema(self.connection.sql(typed)))

    def run(self, sql: str, bound: _Bound) -> None:
        """Run SQL with a translation from its second line on; explain errors in terms of the query."""
        try:
            self.connection.execute(sql)
        except duckdb.Error as error:
            raise (
                self._catalog.translate_error(self.connection, error)
                or translate_duckdb_error(error, bound.query, bound.translated)
            ) from error

    def table_schema(self, dataset: str, table: str) -> pa.Schema:
        """The columns of a table, with the types of GoogleSQL."""
        relation = self._catalog.relation(self.connection, dataset, table)
        sql = exp.select("*").from_(relation).sql("duckdb", identify=True)
        return _arrow_schema(self.connection.sql(_with_googlesql_types(sql, self.connection.sql(sql))))


def _with_googlesql_types(sql: str, relation: Any) -> str:
    columns = []
    for name, type_ in zip(relation.columns, relation.types, strict=True):
        quoted = exp.to_identifier(name, quoted=True).sql("duckdb")
        wanted = _GOOGLESQL_TYPES.get(str(type_).split("(")[0])
        columns.append(f"CAST({quoted} AS {wanted}) AS {quoted}" if wanted else quoted)
    return f"SELECT {', '.join(columns)} FROM (\n{sql}\n)"  # noqa: S608 - quoted


def _arrow_schema(relation: Any) -> pa.Schema:
    schema: pa.Schema = relation.limit(0).to_arrow_table().schema
    return schema


def _listed(names: list[tuple[str, str]]) -> str:
    return ", ".join(".".join(filter(None, name)) for name in names)
