"""The passes over the shards of a split: each one query that asks one aggregate of every column.

In the SQL, `v0` is the first column as a number and `f0` the same where it is finite, NULL elsewhere.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from components.validate.columns import FLOAT32_MAX, Column, quoted, relation
from components.validate.histograms import QUANTILES, Edges, boundaries, counts

COLUMNS_AT_ONCE = 100
"""Of a very wide table, in one query."""
LONGEST_VALUE = 200
"""Characters of a value that are kept; a longer one is told from others by a hash."""

Range = tuple[float, float]
"""Limits, both inclusive."""
Row = Mapping[str, Any]
"""The figures of one column."""


@contextlib.contextmanager
def engine(memory_limit: str, threads: int, spill: Path) -> Iterator[Any]:
    """A DuckDB connection without a file, in UTC, that spills into the folder `spill`."""
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone='UTC'")
        connection.execute(f"SET threads={threads}")
        connection.execute("SET memory_limit=?", [memory_limit])
        connection.execute("SET temp_directory=?", [str(spill)])
        connection.execute("SET preserve_insertion_order=false")
        yield connection
    finally:
        connection.close()


def row_count(connection: Any, files: Sequence[Path]) -> int:
    """Rows in Parquet files, from their footers."""
    return int(connection.execute(f"SELECT count(*) FROM {relation(files)}").fetchone()[0])  # noqa: S608 - quoted


def moments(
    connection: Any, files: Sequence[Path], columns: Sequence[Column], ranges: Mapping[str, Range]
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

    with _one_thread(connection):
        return _aggregates(connection, relation(files), columns, ask)


@contextlib.contextmanager
def _one_thread(connection: Any) -> Iterator[None]:
    """Sums of floats depend on their order: with one thread the same rows give the same digits."""
    threads = connection.execute("SELECT current_setting('threads')").fetchone()[0]
    connection.execute("SET threads=1")
    try:
        yield
    finally:
        connection.execute(f"SET threads={threads}")


def _double(number: float) -> str:
    """SQL: a number, infinities too."""
    return f"CAST('{number!r}' AS DOUBLE)"


def _count_if(condition: str) -> str:
    """SQL: rows where it holds; `count_if` alone is NULL where it is never known."""
    return f"coalesce(count_if({condition}), 0)"


def quantiles(
    connection: Any, files: Sequence[Path], columns: Sequence[Column], every: int
) -> dict[str, Sequence[float] | None]:
    """The `QUANTILES` of the finite values of each column, interpolated; None without any.

    Args:
        connection: The engine.
        files: The shards.
        columns: Numbers.
        every: Only every n-th row of a shard is asked.
    """
    source = relation(files, numbered=True)
    if every > 1:
        source = f"(SELECT * FROM {source} WHERE file_row_number % {every} = 0)"  # noqa: S608 - quoted
    wanted = ", ".join(map(str, QUANTILES))
    return _aggregates(
        connection, source, columns, lambda _column, _value, finite: f"quantile_cont({finite}, [{wanted}])"
    )


def bins(
    connection: Any, files: Sequence[Path], columns: Sequence[Column], edges: Mapping[str, Edges]
) -> dict[str, list[int]]:
    """Rows with a finite value between the inner `edges` of each column, ends included."""

    def ask(column: Column, _value: str, finite: str) -> str:
        bounds = ", ".join(map(repr, boundaries(edges[column.name])))
        return f"histogram({finite}, [{bounds}])" if bounds else f"MAP {{0.0: count({finite})}}"

    binned = _aggregates(connection, relation(files), columns, ask)
    return {name: counts(found, edges[name]) for name, found in binned.items()}


def categories(
    connection: Any, files: Sequence[Path], columns: Sequence[Column], keep: Callable[[Column], int]
) -> dict[str, Row]:
    """Of each column unique, empty, mean_length (characters); `top`: (value, rows), most frequent first."""
    found: dict[str, Row] = {}
    for some in _batches(columns):
        asked = [_category(column, files, keep(column)) for column in some]
        for name, unique, empty, mean_length, top in connection.execute(" UNION ALL ".join(asked)).fetchall():
            found[name] = {
                "unique": unique,
                "empty": int(empty or 0),
                "mean_length": float(mean_length or 0.0),
                "top": [(entry["value"], -entry["minus"]) for entry in top or ()],
            }
    return found


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
    connection: Any, source: str, columns: Sequence[Column], ask: Callable[[Column, str, str], str]
) -> dict[str, Any]:
    """One aggregate a column: `ask` is given the column, its value and its finite value, as SQL.

    The comparison alone would let NaN pass: Parquet's minimum and maximum leave NaN out, and the engine
    drops a comparison that these say is always true.
    """
    found: dict[str, Any] = {}
    for some in _batches(columns):
        values = ", ".join(
            f"{column.number if column.is_number else quoted(column.name)} AS v{i}"
            for i, column in enumerate(some)
        )
        finite = "".join(
            f", CASE WHEN isfinite(v{i}) AND abs(v{i}) <= {FLOAT32_MAX!r} THEN v{i} END AS f{i}"
            for i, column in enumerate(some)
            if column.is_number
        )
        asked = ", ".join(ask(column, f"v{i}", f"f{i}") for i, column in enumerate(some))
        row = connection.execute(
            f"SELECT {asked} FROM (SELECT *{finite} FROM (SELECT {values} FROM {source}))"  # noqa: S608 - quoted
        ).fetchone()
        found |= {column.name: figure for column, figure in zip(some, row, strict=True)}
    return found


def _batches(columns: Sequence[Column]) -> Iterator[Sequence[Column]]:
    for start in range(0, len(columns), COLUMNS_AT_ONCE):
        yield columns[start : start + COLUMNS_AT_ONCE]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
