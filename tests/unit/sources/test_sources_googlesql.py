"""GoogleSQL through DuckDB means what it means in BigQuery, and its errors point into the user's text."""

import datetime
import re
from typing import Any

import pytest

from components.shared.sources import googlesql
from configs.errors import QueryError
from tests.errors import raises


@pytest.mark.parametrize(
    ("expression", "meaning"),
    [
        ("DIV(7 - 1, 4)", 1),
        ("10 * DIV(7, 4)", 10),
        ("DIV(-7, 2)", -3),
        ("MOD(-7, 4)", -3),
        (
            "UNIX_SECONDS(TIMESTAMP(DATETIME(2013, 7, 1, DIV(830, 100), 0, 0), 'America/New_York'))",
            1372680000,
        ),
        ("EXTRACT(DAYOFWEEK FROM DATE '2013-06-23')", 1),
        ("EXTRACT(DAYOFWEEK FROM DATE '2013-06-29') * 2", 14),
        ("EXTRACT(WEEK FROM DATE '2013-01-05')", 0),
        ("EXTRACT(WEEK FROM DATE '2013-01-06')", 1),
        ("EXTRACT(HOUR FROM TIMESTAMP '2013-06-23 01:30:00-04')", 5),
        ("DATE_TRUNC(DATE '2013-06-26', WEEK)", datetime.date(2013, 6, 23)),
        ("DATE_TRUNC(DATE '2013-06-23', WEEK)", datetime.date(2013, 6, 23)),
        ("TIMESTAMP_DIFF(TIMESTAMP '2013-01-02', TIMESTAMP '2013-01-01', HOUR)", 24),
        ("1 / 4", 0.25),
        ("SAFE_DIVIDE(1, 0)", None),
        ("GREATEST(1, NULL)", None),
        ("SAFE_CAST('x' AS INT64)", None),
        ("COUNTIF(TRUE)", 1),
        ("FARM_FINGERPRINT('hello world')", 6381520714923946011),
        ("FARM_FINGERPRINT(CAST(NULL AS STRING))", None),
    ],
)
def test_an_expression_means_what_it_means_in_bigquery(
    ask: Any, warehouse: str, expression: str, meaning: Any
) -> None:
    assert ask(warehouse, f"SELECT {expression} AS value") == [{"value": meaning}]


def test_nulls_come_first_as_in_bigquery(ask: Any, warehouse: str) -> None:
    sql = "SELECT id, ROW_NUMBER() OVER (ORDER BY placed) AS place FROM shop.orders"
    assert {row["id"]: row["place"] for row in ask(warehouse, sql)} == {3: 1, 1: 2, 2: 3}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("note", "it's second"),
        ("id", 2),
        ("day", datetime.date(2020, 3, 2)),
        ("placed", datetime.datetime(2020, 3, 2, 23, 30, tzinfo=datetime.UTC)),
    ],
)
def test_a_parameter_is_filled_in_with_its_type(ask: Any, warehouse: str, name: str, value: Any) -> None:
    sql = f"SELECT id FROM shop.orders WHERE {name} = @{name}"  # noqa: S608 - ours
    (row,) = ask(warehouse, sql, **{name: value})
    assert row["id"] == 2


@pytest.mark.parametrize(
    ("sql", "place", "said"),
    [
        ("SELECT id,\n  amont\nFROM shop.orders -- amont", "line 2, column 3", "amont"),
        ("SELECT id FROM\n shop.ordrs", "line 2, column 2", "shop.orders"),
        ("SELECT id\nFORM shop.orders", "line 2, column 6", "shop"),
        ("SELECT 'unclosed", "line 1", "closes"),
        ("SELECT\n  NOPE(id) FROM shop.orders", "line 2, column 3", "NOPE"),
        ("SELECT id FROM shop.orders\nGROUP BY note", "line 1, column 8", "GROUP BY"),
        ("SELECT CAST(note AS INT64) AS n\nFROM shop.orders", "line 1, column 8", "first"),
        ("WITH a AS (\n  SELECT id, note FROM shop.orders)\nSELECT nota FROM a", "line 3, column 8", "note"),
        ("SELECT id FROM shop.orders\nWHERE note = @note", "line 2, column 14", "source.parameters"),
        ("SELECT SUM(id) OVER w\nFROM shop.orders", "line 1, column 21", "window"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(
    ask: Any, warehouse: str, sql: str, place: str, said: str
) -> None:
    with pytest.raises(QueryError) as caught:
        ask(warehouse, sql)
    assert place in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("sql", "got"),
    [
        ("DELETE FROM shop.orders WHERE TRUE", "DELETE"),
        ("-- nothing", "nothing"),
    ],
)
def test_only_one_select_is_a_query(sql: str, got: str) -> None:
    with raises(QueryError, expected=re.compile("^one SELECT"), got=got):
        googlesql.parse(sql)


def test_a_second_query_is_refused_where_it_begins() -> None:
    with raises(QueryError, subject="the query, line 1, column 16", got=re.compile("'SELECT'")):
        googlesql.parse("SELECT 1 AS a; SELECT 2 AS a")


def test_a_column_returned_twice_is_refused(ask: Any, warehouse: str) -> None:
    with raises(QueryError, got=re.compile("'id'")):
        ask(warehouse, "SELECT id, amount, id FROM shop.orders")


def test_a_name_of_the_query_itself_is_no_table(ask: Any, warehouse: str) -> None:
    sql = "WITH orders AS (SELECT id FROM shop.orders), twice AS (SELECT id FROM orders) SELECT id FROM twice"
    assert len(ask(warehouse, sql)) == 3
