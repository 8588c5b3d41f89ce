"""DuckDB in this process: the engine behind `duckdb://` and `file://`, with limits of its own.

Each query has an in-memory database that spills to a temporary folder beyond its memory
limit; a catalog hangs tables into it, read-only.
"""

import contextlib
import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from components.shared.files.artifacts import writing_file
from components.shared.files.place import Place
from components.shared.sources import googlesql
from components.shared.sources.duckdb import tables
from components.shared.sources.duckdb.errors import translate_duckdb_error
from components.shared.sources.googlesql import runtime
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.farmhash import fingerprints
from components.shared.sources.googlesql.queries import Resolve
from components.shared.sources.googlesql.syntax import Table
from components.shared.sources.googlesql.translation import Translation, translate
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Relation
from components.shared.sources.source import RESULT, Answer, Rows, Wrote
from components.shared.stage.recording import Progress, silent
from configs.errors import PipelineError, QueryError, SourceError
from configs.rows import Ingest
from configs.rows import Source as Selection

_KEPT_AS = {
    t.NUMERIC: "DOUBLE",
    t.BIGNUMERIC: "DOUBLE",
    t.DATETIME: "TIMESTAMPTZ",
    t.JSON: "VARCHAR",
    t.TIME: "VARCHAR",
    t.INTERVAL: "VARCHAR",
}
"""GoogleSQL types that the rows keep as another of DuckDB's."""
_ROW_GROUP_ROWS = 16_384
_SETTINGS = (
    "TimeZone = 'UTC'",
    "ieee_floating_point_ops = false",  # 1 / 0 is an error, as for Google
    "autoinstall_known_extensions = false",  # no query fetches anything
    "disabled_optimizers = 'type_pushdown'",  # it takes casts into the CSV reader, where TRY_CAST raises
)


class Catalog(Protocol):
    """Tables that can be hung into a DuckDB connection."""

    def names(self, connection: Any) -> list[tuple[str, str]]:
        """Datasets ("" where there are none) and tables, in order; opens what must be opened.

        Raises:
            SourceError: What lies there cannot be opened.
        """

    def relation(self, connection: Any, dataset: str, table: str) -> str:
        """How DuckDB's SQL names one of these tables."""

    def digest(self, connection: Any, dataset: str, table: str) -> str:
        """A digest of a table's content."""

    def translate_error(self, connection: Any, error: Exception) -> PipelineError | None:
        """What the error says about the place where tables lie, if it does."""


class DuckDBSource:
    """The tables of a catalog, read with GoogleSQL."""

    def __init__(self, uri: str, catalog: Catalog, limits: Ingest) -> None:
        self.uri, self._catalog, self._limits = uri, catalog, limits

    @contextlib.contextmanager
    def asking(self) -> Iterator[Callable[[str], Answer]]:
        """See `Source.asking`."""
        with self._session() as session:
            yield session.answer

    def tables(self) -> dict[str, pa.Schema]:
        """See `Source.tables`."""
        with self._session() as session:
            return {".".join(filter(None, name)): session.table_schema(*name) for name in session.names}

    def fingerprint(self, selection: Selection) -> str:
        """See `Source.fingerprint`."""
        with self._session() as session:
            query = session.query(selection)
            used = sorted({session.find(query, table) for table in query.tables})
            total = hashlib.blake2b(uuid.uuid4().bytes if query.volatile else b"", digest_size=16)
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
    sql: str
    """In DuckDB's SQL, with the types that the rows keep."""
    schema: pa.Schema


class _BoundRows:
    """A selection in DuckDB; materialized, its rows are the table `result`."""

    def __init__(self, session: "_Session", bound: _Bound) -> None:
        self._session, self._bound, self.schema = session, bound, bound.schema
        self.estimate: Mapping[str, int] = {}

    def materialize(self, progress: Progress = silent) -> int:
        """See `Rows.materialize`."""
        progress("running the query", 0)
        with self._session.translate_errors(self._bound.query):
            self._session.connection.execute(f"CREATE TABLE {RESULT} AS {self._bound.sql}")
        return len(self._session.connection.table(RESULT))

    def select(self, sql: str, batch_rows: int = 10_000) -> Iterator[pa.RecordBatch]:
        """See `Rows.select`."""
        query = googlesql.parse(sql)
        session = self._session
        bound = session.keeping(query, {}, lambda _: tables.read(session.connection, RESULT))
        with session.translate_errors(query):
            yield from session.connection.sql(bound.sql).to_arrow_reader(batch_rows)

    def write(
        self,
        sql: str,
        order: Sequence[str],
        shard: Callable[[int], Place],
        shard_rows: int,
        wrote: Wrote = lambda _: None,
    ) -> int:
        """See `Rows.write`; all rows in order, every shard but the last of exactly `shard_rows`."""
        by = ", ".join(map(googlesql.quoted, order))
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
    for setting in _SETTINGS:
        connection.execute(f"SET {setting}")
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
        path = ".".join(googlesql.quoted(part) for part in (dataset, name) if part)
        return googlesql.parse(f"SELECT * FROM {path}")  # noqa: S608 - quoted

    def find(self, query: googlesql.Query, table: Table) -> tuple[str, str]:
        """The dataset and table that a name in the query means."""
        found = [each for each in self.names if _is_named(each, table)]
        if len(found) == 1:
            return found[0]
        raise QueryError(
            f"the query, table '{'.'.join(table.path)}', {query.position(table)}",
            expected=f"one of {_listed(self.names)}" if not found else "a dataset before its name",
            got="no such table" if not found else f"that name in {_listed(found)}",
        )

    def answer(self, sql: str) -> Answer:
        """What a query returns, with the types of GoogleSQL."""
        query = googlesql.parse(sql)
        translated = self.translated(query, {}, lambda table: self.relation(*self.find(query, table)))
        with self.translate_errors(query):
            rows = self.connection.execute(translated.sql).fetchall()
        return Answer(list(zip(translated.names, map(str, translated.types), strict=True)), rows)

    def bound(self, selection: Selection) -> _Bound:
        """A selection's query, understood; nothing is run."""
        query = self.query(selection)
        return self.keeping(
            query, selection.parameters, lambda table: self.relation(*self.find(query, table))
        )

    def relation(self, dataset: str, table: str) -> Relation:
        """A table with GoogleSQL's types."""
        return tables.read(self.connection, self._catalog.relation(self.connection, dataset, table))

    def keeping(self, query: googlesql.Query, parameters: Mapping[str, Any], resolve: Resolve) -> _Bound:
        """A query in DuckDB's SQL, with the types that the rows keep."""
        sql = _kept(self.translated(query, parameters, resolve))
        with self.translate_errors(query):
            return _Bound(query, sql, _arrow_schema(self.connection.sql(sql)))

    def translated(
        self, query: googlesql.Query, parameters: Mapping[str, Any], resolve: Resolve
    ) -> Translation:
        """A query in DuckDB's SQL; what it calls is made known to the connection."""
        found = translate(query, parameters, resolve)
        runtime.register(self.connection, found.functions)
        return found

    @contextlib.contextmanager
    def translate_errors(self, query: googlesql.Query) -> Iterator[None]:
        """Explain DuckDB's errors in terms of the query.

        Raises:
            PipelineError: In place of one of DuckDB's.
        """
        try:
            yield
        except duckdb.Error as error:
            raise (
                self._catalog.translate_error(self.connection, error) or translate_duckdb_error(error, query)
            ) from error

    def table_schema(self, dataset: str, table: str) -> pa.Schema:
        """The columns of a table, with the types that the rows keep."""
        relation = self.relation(dataset, table)
        sql = f"SELECT {_named(relation.names)} FROM ({relation.sql})"  # noqa: S608 - quoted
        translated = Translation(sql, relation.names, relation.types)
        return _arrow_schema(self.connection.sql(_kept(translated)))


def _is_named(known: tuple[str, str], table: Table) -> bool:
    """Whether a path of names means a table: by its name, `dataset.name` or `project.dataset.name`."""
    path = ".".join(table.path).lower()
    full = ".".join(filter(None, known)).lower()
    return path in {full, known[1].lower()} or path.endswith(f".{full}")


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"c{place} AS {t.identifier(name)}" for place, name in enumerate(names))


def _kept(translated: Translation) -> str:
    """A translation's SQL with the types that the rows keep."""
    columns = []
    for name, type_ in zip(translated.names, translated.types, strict=True):
        quoted, kept = t.identifier(name), _kept_as(type_)
        columns.append(f"CAST({quoted} AS {kept}) AS {quoted}" if kept else quoted)
    return f"SELECT {', '.join(columns)} FROM ({translated.sql})"  # noqa: S608 - quoted


def _kept_as(type_: Type) -> str:
    """The DuckDB type that the rows keep values of a type as; "" for their own."""
    if type_.is_array:
        element = _kept_as(type_.of[0])
        return f"{element}[]" if element else ""
    return _KEPT_AS.get(type_, "")


def _arrow_schema(relation: Any) -> pa.Schema:
    schema: pa.Schema = relation.limit(0).to_arrow_table().schema
    return schema


def _listed(names: list[tuple[str, str]]) -> str:
    return ", ".join(".".join(filter(None, name)) for name in names)
