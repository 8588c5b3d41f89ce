"""The flights query, whole, over real rows: Google's own engine gives what DuckDB gives."""

import datetime
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from components.shared.sources import open_source
from components.shared.sources.samples import DATASET, TABLES
from configs.loading import load, use_cases
from pipelines.commands.sql import json_value
from tests.contract.googlesql.recording import same
from tests.contract.warehouses import make

FIRST, LAST = datetime.date(2013, 11, 2), datetime.date(2013, 11, 3)
"""Daylight saving time ends in between; more than 1,500 flights."""
COLUMNS = 40
"""The query returns more."""


@pytest.fixture(scope="module")
def two_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of two days, in whose weather some numbers are NaN."""
    folder = tmp_path_factory.mktemp("flights")
    days = make(folder)
    with duckdb.connect(folder / "two.duckdb") as connection:
        connection.execute(
            f"SET TimeZone = 'UTC'; ATTACH '{days}' AS days (READ_ONLY); CREATE SCHEMA {DATASET}"
        )
        for table, columns in TABLES.items():
            where = (
                f"CAST(time_hour AS DATE) BETWEEN '{FIRST}' AND '{LAST}'"
                if "time_hour" in columns
                else "TRUE"
            )
            connection.execute(f"CREATE TABLE {DATASET}.{table} AS FROM days.{DATASET}.{table} WHERE {where}")
        connection.execute(f"UPDATE {DATASET}.weather SET visib = 'nan' WHERE hour % 7 = 3")
        connection.execute(f"UPDATE {DATASET}.weather SET temp = NULL WHERE hour % 5 = 2")
    return folder / "two.duckdb"


def _rows(file: Path) -> Iterator[tuple[str, Mapping[str, str], list[Any]]]:
    with duckdb.connect(file, read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table, columns in TABLES.items():
            listed = ", ".join(columns)
            yield table, columns, connection.execute(f"SELECT {listed} FROM {DATASET}.{table}").fetchall()


def test_every_row_and_column_of_flights_is_googles(two_days: Path, oracle: Any) -> None:
    sql = load("flights").source.sql
    for table, columns, rows in _rows(two_days):
        oracle.fill(table, columns, rows)
    theirs = oracle.answer(sql)
    with open_source(f"duckdb://{two_days}").asking() as ask:
        ours = ask(sql)
    assert ours.columns == theirs.columns
    assert len(ours.columns) > COLUMNS
    assert len(theirs.rows) > 1_500
    left, right = (
        sorted(([*map(json_value, row)] for row in each.rows), key=lambda row: row[0])
        for each in (ours, theirs)
    )
    names = [name for name, _ in ours.columns]
    different = {
        name
        for one, other in zip(left, right, strict=True)
        for name, a, b in zip(names, one, other, strict=True)
        if not same(a, b)
    }
    assert different == set()
    assert any(isinstance(value, float) and math.isnan(value) for row in theirs.rows for value in row)


@pytest.mark.parametrize("use_case", use_cases())
def test_bigquery_would_take_the_query_of_each_use_case(oracle: Any, use_case: str) -> None:
    source = load(use_case).source
    if source.sql and source.sample:
        assert load(use_case).label.column in oracle.analyze(source.sql, TABLES)
