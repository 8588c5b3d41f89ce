"""The passes over the shards of a split: each asks one aggregate of every column, many columns in a query."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from components.validate.columns import FLOAT32_MAX, Column, quoted, relation
from components.validate.histograms import QUANTILES, Edges, boundaries, counts
from configs.errors import NoSpaceError, PipelineError, SettingsError, UnreadableFileError

COLUMNS_AT_ONCE = 100
"""Of a very wide table, in one query."""
LONGEST_VALUE = 200
"""Characters of a value that are kept; a longer one is told from others by a hash."""

Range = tuple[float, float]
"""Limits, both inclusive."""
Row = Mapping[str, Any]
"""The figures of one column."""
Rows = list[tuple[Sequence[Column], list[tuple[Any, ...]]]]
"""Some columns, and the rows of the query about them."""


@dataclass(frozen=True)
class Engine:
    """A DuckDB instance and how many queries it runs side by side.

    Each query has one thread: sums of floats depend on their order, and so the same rows give the same
    digits on any machine. Side by side run the queries of different columns.
    """

    connection: Any
    queries_at_once: int

    def fetch(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query; from any thread."""
        with self.connection.cursor() as cursor:
            return list(cursor.execute(query).fetchall())

    def in_parallel(self, columns: Sequence[Column], query: Callable[[Sequence[Column]], str]) -> Rows:
        """All rows of the queries for a few columns each, in the order of the columns."""
        each = min(COLUMNS_AT_ONCE, max(1, -(-len(columns) // self.queries_at_once)))
        batches = [columns[start : start + each] for start in range(0, len(columns), each)]
        with ThreadPoolExecutor(self.queries_at_once) as pool:
            found = pool.map(lambda some: self.fetch(query(some)), batches)
            return list(zip(batches, found, strict=True))


@contextlib.contextmanager
def engine(memory_limit: str, threads: int, spill: Path) -> Iterator[Engine]:
    """DuckDB without a file, in UTC, that spills into the folder `spill`."""
    connection = duckdb.connect()
    try:
        connection.execute("SET GLOBAL TimeZone='UTC'")
        connection.execute("SET threads=1")
        connection.execute("SET memory_limit=?", [memory_limit])
        connection.execute("SET temp_directory=?", [str(spill)])
        yield Engine(connection, threads)
    finally:
        connection.close()


EXPLAINED = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    duckdb.OutOfMemoryException,
)
"""What the engine raises for something a user can mend."""


def translate_statistics_error(error: duckdb.Error, rows: Path) -> PipelineError:
    """Our error for one of the engine's."""
    got = str(error).splitlines()[0]
    if "No space left on device" in got or "max_temp_directory_size" in got:
        remedy = "Free some space, or raise validation.memory_limit."
        return NoSpaceError("no space left for what the statistics spill", got=got, remedy=remedy)
    if isinstance(error, duckdb.OutOfMemoryException):
        expected, remedy = "enough memory for the statistics", "Raise it, or lower validation.threads."
        return SettingsError("validation.memory_limit", expected=expected, got=got, remedy=remedy)
    expected, remedy = "Parquet shards of equal columns", "Run again from `ingest`."
    return UnreadableFileError(f"the rows in {rows}", expected=expected, got=got, remedy=remedy)


def row_count(engine: Engine, files: Sequence[Path]) -> int:
    """Rows in Parquet files, from their footers."""
    return int(engine.fetch(f"SELECT count(*) FROM {relation(files)}")[0][0])  # noqa: S608 - quoted


def moments(
    engine: Engine, files: Sequence[Path], columns: Sequence[Column], ranges: Mapping[str, Range]
) -> dict[str, Row]:
    """How many are present (not NULL), and of numbers the figures of the finite ones.

    Of numbers: nan, infinite, finite, low, high, mean, deviation (of the population), zeros, and
    `outside`: the finite values beyond the column's range, if it has one.
    """

    def ask(column: Column, value: str, finite: str) -> str:
        if not column.is_number:
            return f"{{present: count({value})}}"
        may_be_nan = column.kind == "float"
        beyond = f"abs({value}) > {FLOAT32_MAX!r} AND NOT isnan({value})"
        low, high = ranges.get(column.name, (None, None))
        figures = {
            "present": f"count({value})",
            "nan": _count_if(f"isnan({value})") if may_be_nan else "0",
            "infinite": _count_if(beyond) if may_be_nan else "0",
            "finite": f"count({finite})",
            "low": f"min({finite})",
            "high": f"max({finite})",
            "mean": f"avg({finite})",
            "deviation": f"stddev_pop({finite})",
            "zeros": _count_if(f"{finite} = 0"),
            "outside": "0"
            if low is None or high is None
            else _count_if(f"{finite} < {_double(low)} OR {finite} > {_double(high)}"),
        }
        return "{" + ", ".join(f"{name}: {sql}" for name, sql in figures.items()) + "}"

    return _aggregates(engine, relation(files), columns, ask)


def _double(number: float) -> str:
    """SQL: a number, infinities too."""
    return f"CAST('{number!r}' AS DOUBLE)"


def _count_if(condition: str) -> str:
    """SQL: rows where it holds; `count_if` alone is NULL where it is never known."""
    return f"coalesce(count_if({condition}), 0)"


def quantiles(
    engine: Engine, files: Sequence[Path], columns: Sequence[Column], every: int
) -> dict[str, Sequence[float] | None]:
    """The `QUANTILES` of the finite values of each column, interpolated; None without any.

    Args:
        engine: Where to ask.
        files: The shards.
        columns: Numbers.
        every: Only every n-th row of a shard is asked.
    """
    source = relation(files, numbered=True)
    if every > 1:
        source = f"(SELECT * FROM {source} WHERE file_row_number % {every} = 0)"  # noqa: S608 - quoted
    wanted = ", ".join(map(str, QUANTILES))
    return _aggregates(
        engine, source, columns, lambda _column, _value, finite: f"quantile_cont({finite}, [{wanted}])"
    )


def bins(
    engine: Engine, files: Sequence[Path], columns: Sequence[Column], edges: Mapping[str, Edges]
) -> dict[str, list[int]]:
    """Rows with a finite value between the inner `edges` of each column, ends included."""

    def ask(column: Column, _value: str, finite: str) -> str:
        bounds = ", ".join(map(repr, boundaries(edges[column.name])))
        return f"histogram({finite}, [{bounds}])" if bounds else f"MAP {{0.0: count({finite})}}"

    binned = _aggregates(engine, relation(files), columns, ask)
    return {name: counts(found, edges[name]) for name, found in binned.items()}


def categories(
    engine: Engine, files: Sequence[Path], columns: Sequence[Column], keep: Callable[[Column], int]
) -> dict[str, Row]:
    """Of each column unique, empty, mean_length (characters); `top`: (value, rows), most frequent first."""

    def query(some: Sequence[Column]) -> str:
        return " UNION ALL ".join(_category(column, files, keep(column)) for column in some)

    return {
        name: {
            "unique": unique,
            "empty": int(empty or 0),
            "mean_length": float(mean_length or 0.0),
            "top": [(entry["value"], -entry["minus"]) for entry in top or ()],
        }
        for _, rows in engine.in_parallel(columns, query)
        for name, unique, empty, mean_length, top in rows
    }


def _category(column: Column, files: Sequence[Path], keep: int) -> str:
    """SQL: one row about a category; its `top` is the smallest `keep` of (-rows, value)."""
    return f"""(
        SELECT
            {_literal(column.name)} AS name,
            count(*) AS unique_values,
            sum(n) FILTER (value = '') AS empty,
            sum(length(value) * n) / sum(n) AS mean_length,
            min({{minus: -n, value: CASE
                WHEN length(value) > {LONGEST_VALUE}
                THEN left(value, {LONGEST_VALUE}) || '…' || left(md5(value), 8)
                ELSE value END}}, {keep}) AS top
        FROM (
            SELECT {column.text} AS value, count(*) AS n
            FROM {relation(files)} WHERE {quoted(column.name)} IS NOT NULL GROUP BY ALL
        )
    )"""  # noqa: S608 - names and paths are quoted


def _aggregates(
    engine: Engine, source: str, columns: Sequence[Column], ask: Callable[[Column, str, str], str]
) -> dict[str, Any]:
    """One aggregate a column: `ask` is given the column, its value and its finite value, as SQL."""

    def query(some: Sequence[Column]) -> str:
        values, asked = [], []
        for i, column in enumerate(some):
            value = column.number if column.is_number else quoted(column.name)
            values.append(f"{value} AS v{i}")
            asked.append(ask(column, f"v{i}", _finite(f"v{i}") if column.kind == "float" else f"v{i}"))
        return f"SELECT {', '.join(asked)} FROM (SELECT {', '.join(values)} FROM {source})"  # noqa: S608 - quoted

    return {
        column.name: figure
        for some, [row] in engine.in_parallel(columns, query)
        for column, figure in zip(some, row, strict=True)
    }


def _finite(value: str) -> str:
    """SQL: the value where float32 can hold it, NULL elsewhere.

    The comparison alone would let NaN pass: Parquet's minimum and maximum leave NaN out, and the engine
    drops a comparison that these say is always true.
    """
    return f"(CASE WHEN isfinite({value}) AND abs({value}) <= {FLOAT32_MAX!r} THEN {value} END)"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
