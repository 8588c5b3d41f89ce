"""DuckDB over a few shards: their columns, and of each the distinct values with their rows, summarized."""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from components.shared.files.place import Place
from components.validate.categories import Categories
from components.validate.numbers import Numbers, Range
from configs.errors import NoSpaceError, PipelineError, SettingsError, UnreadableFileError

Kind = Literal["integer", "float", "boolean", "time", "string", "bytes", "nested"]
"""time: an instant or a date, as microseconds since 1970 (UTC); string: any other scalar, as printed."""

LONGEST_VALUE = 200
"""A value is cut after so many characters, and then ends with a hash of the whole."""

_FLOATS = ("FLOAT", "DOUBLE", "DECIMAL")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")


@dataclass(frozen=True)
class Column:
    """A column of a split.

    Args:
        name: Its name in the Parquet files.
        kind: What it holds.
        declared: The engine's name of its type, for messages.
        as_category: Its values are counted one by one (a category), whatever their kind.
    """

    name: str
    kind: Kind
    declared: str
    as_category: bool

    @property
    def is_number(self) -> bool:
        """It has a minimum, a mean, a histogram."""
        return self.kind in ("integer", "float", "boolean", "time")

    @property
    def number(self) -> str:
        """SQL: the value as DOUBLE."""
        if self.kind == "time":
            return f"CAST(epoch_us(CAST({quoted(self.name)} AS TIMESTAMP)) AS DOUBLE)"
        return f"CAST({quoted(self.name)} AS DOUBLE)"

    @property
    def text(self) -> str:
        """SQL: the value as VARCHAR."""
        return f"CAST({quoted(self.name)} AS VARCHAR)"


@dataclass(frozen=True)
class Summary:
    """A column of a split: its rows that are not NULL, and what is known of them."""

    present: int = 0
    numbers: Numbers | None = None
    categories: Categories | None = None

    def merge(self, other: "Summary") -> "Summary":
        """Both; they are of the same column."""
        return Summary(
            self.present + other.present,
            self.numbers and other.numbers and self.numbers.merge(other.numbers),
            self.categories and other.categories and self.categories.merge(other.categories),
        )


@dataclass(frozen=True)
class Engine:
    """A DuckDB instance and how many queries it runs in parallel, each with one thread."""

    connection: Any
    queries_at_once: int

    @contextlib.contextmanager
    def relation(self, query: str) -> Iterator[Any]:
        """The result of a query, to be fetched; from any thread."""
        with self.connection.cursor() as cursor:
            yield cursor.sql(query)


@contextlib.contextmanager
def engine(memory_limit: str, threads: int, spill: Path) -> Iterator[Engine]:
    """DuckDB without a file, in UTC, that spills into the folder `spill`."""
    with duckdb.connect() as connection:
        connection.execute("SET GLOBAL TimeZone='UTC'")
        connection.execute("SET threads=1")
        connection.execute("SET memory_limit=?", [memory_limit])
        connection.execute("SET temp_directory=?", [str(spill)])
        yield Engine(connection, threads)


@contextlib.contextmanager
def translate_statistics_errors(rows: Place) -> Iterator[None]:
    """Turn what the engine raises for something that a user can fix into our errors.

    Raises:
        UnreadableFileError: A shard that is not Parquet, or shards of different columns.
        SettingsError: The engine may take too little memory.
        NoSpaceError: It spilled until the disk was full.
    """
    try:
        yield
    except (
        duckdb.IOException,
        duckdb.InvalidInputException,
        duckdb.SerializationException,
        duckdb.OutOfMemoryException,
    ) as error:
        raise _translated(error, rows) from error


def _translated(error: duckdb.Error, rows: Place) -> PipelineError:
    got = str(error).splitlines()[0]
    if "No space left on device" in got or "max_temp_directory_size" in got:
        remedy = "Free some space, or raise validation.memory_limit."
        return NoSpaceError("no space left for what the statistics spill", got=got, remedy=remedy)
    if isinstance(error, duckdb.OutOfMemoryException):
        expected, remedy = "enough memory for the statistics", "Raise it, or lower validation.threads."
        return SettingsError("validation.memory_limit", expected=expected, got=got, remedy=remedy)
    expected, remedy = "Parquet shards of equal columns", "Run again from `ingest`."
    return UnreadableFileError(f"the rows in {rows}", expected=expected, got=got, remedy=remedy)


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def relation(files: Sequence[Path]) -> str:
    """SQL: the rows of Parquet files."""
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    return f"read_parquet([{listed}], hive_partitioning=false)"


def describe(connection: Any, files: Sequence[Path], categories: Collection[str]) -> dict[str, Column]:
    """The columns of Parquet files, in order; strings and those named in `categories` are categories."""
    described = connection.execute(f"DESCRIBE FROM {relation(files)}").fetchall()
    columns = {}
    for name, declared, *_ in described:
        kind = _kind(declared)
        as_category = kind in ("string", "bytes") or (kind != "nested" and name in categories)
        columns[name] = Column(name, kind, declared, as_category)
    return columns


def _kind(declared: str) -> Kind:
    """The kind of one of the engine's types."""
    if declared.endswith("]") or declared.startswith(("STRUCT", "MAP", "UNION")):
        return "nested"
    if declared.startswith(("TIMESTAMP", "DATE")):
        return "time"
    if declared.startswith(_FLOATS):
        return "float"
    if declared.removeprefix("U") in _INTEGERS:
        return "integer"
    return {"BOOLEAN": "boolean", "BLOB": "bytes"}.get(declared, "string")  # type: ignore[return-value]


def row_count(engine: Engine, files: Sequence[Path], what: str = "*") -> int:
    """Rows in Parquet files, from their footers; of a column that is `what`, those that are not NULL."""
    with engine.relation(f"SELECT count({what}) FROM {relation(files)}") as found:  # noqa: S608 - quoted
        [[count]] = found.fetchall()
    return int(count)


def summarize(
    engine: Engine, files: Sequence[Path], column: Column, limits: Range | None, domain: Collection[str]
) -> Summary:
    """A column of a few shards.

    Args:
        engine: Where to ask.
        files: The shards.
        column: The column.
        limits: Its range, if it has one.
        domain: Values to be counted exactly, if it is a category.
    """
    numbers, categories, present = None, None, 0
    if column.is_number:
        with engine.relation(_distinct(column.number, files)) as found:
            counted = found.fetchnumpy()
        numbers, present = Numbers.of(counted["value"], counted["rows"], limits), counted["rows"].sum()
    if column.as_category:
        with engine.relation(_texts(column, files)) as found:
            table = found.to_arrow_table()
        categories, present = Categories.of(table, domain), table["rows"].to_numpy().sum()
    elif not column.is_number:
        present = row_count(engine, files, quoted(column.name))
    return Summary(int(present), numbers, categories)


def _distinct(value: str, files: Sequence[Path]) -> str:
    """SQL: the values that are not NULL, with their rows."""
    return f"""
        SELECT value, count(*) AS rows FROM (SELECT {value} AS value FROM {relation(files)})
        WHERE value IS NOT NULL GROUP BY ALL
    """  # noqa: S608 - names and paths are quoted


def _texts(column: Column, files: Sequence[Path]) -> str:
    """SQL: the same of texts, each with its hash and its length; a long one is cut."""
    return f"""
        SELECT hash(value) AS hash, length(value) AS length, rows, CASE
            WHEN length(value) > {LONGEST_VALUE}
            THEN left(value, {LONGEST_VALUE}) || '…' || left(md5(value), 8)
            ELSE value END AS value
        FROM ({_distinct(column.text, files)})
    """  # noqa: S608 - names and paths are quoted
