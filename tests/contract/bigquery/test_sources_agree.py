"""What holds for every source: the same protocol, the same rows, the same output of ingest."""

import datetime
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.files.artifacts import read_json, shards
from components.shared.files.gcs_path import BucketPath
from components.shared.sources import open_source
from configs.errors import QueryError
from configs.rows import SPLITS, HashSplit, Ingest, Source, Split, TimeSplit
from configs.values import Parameter
from tests.errors import raises

BY_TIME = TimeSplit(
    by="time",
    column="seen",
    eval_from=datetime.datetime(2020, 3, 1, tzinfo=datetime.UTC),
    test_from=datetime.datetime(2020, 3, 16, tzinfo=datetime.UTC),
)
BY_HASH = HashSplit(by="hash", column="id", eval_percent=20, test_percent=30)


@pytest.fixture
def filled(adapter: Any, visits: pa.Table) -> Any:
    """An adapter with the table of visits."""
    adapter.put(visits, "shop.visits")
    return adapter


@pytest.fixture
def places(tmp_path: Path, bucket: BucketPath) -> tuple[Path, Path, BucketPath]:
    """Two folders of this machine and one in a bucket."""
    return tmp_path / "here", tmp_path / "there", bucket / "rows"


def ask(adapter: Any, sql: str, then: str = "SELECT * FROM result", **parameters: Parameter) -> list[Any]:
    """The rows of a selection, as `then` sees them."""
    selection = Source(uri=adapter.uri, sql=sql, parameters=parameters)
    with open_source(adapter.uri, access=adapter.access).rows(selection) as rows:
        rows.materialize()
        return [row for batch in rows.select(then) for row in batch.to_pylist()]


def sorted_rows(place: Path, split: Split) -> list[dict[str, Any]]:
    """Every row of a split by its key; NaN as a word, since it equals nothing; instants in UTC."""
    rows: list[dict[str, Any]] = []
    for shard in shards(place, split):
        with shard.open("rb") as content:
            rows += pq.read_table(content).to_pylist()
    for row in rows:
        row["amount"] = str(row["amount"])
        row["seen"] = row["seen"].replace(tzinfo=datetime.UTC)
    return sorted(rows, key=lambda row: str(row["id"]))


def test_the_columns_are_known_before_anything_runs_and_are_what_comes(filled: Any) -> None:
    sql = (
        "SELECT id, seen, day, bought, amount, known, CAST(1.5 AS NUMERIC) AS price, "
        "CAST(seen AS DATETIME) AS local_time, b'x' AS raw FROM shop.visits"
    )
    with open_source(filled.uri, access=filled.access).rows(Source(sql=sql)) as rows:
        assert {field.name: str(field.type) for field in rows.schema} == {
            "id": "string",
            "seen": "timestamp[us, tz=UTC]",
            "day": "date32[day]",
            "bought": "int64",
            "amount": "double",
            "known": "bool",
            "price": "double",
            "local_time": "timestamp[us, tz=UTC]",
            "raw": "binary",
        }
        assert rows.materialize() == 2400
        batches = list(rows.select("SELECT * FROM result", 1000))
        assert {batch.schema.remove_metadata() for batch in batches} == {rows.schema}
        assert max(batch.num_rows for batch in batches) <= 1000
        assert sum(batch.num_rows for batch in batches) == 2400


def test_columns_of_the_rows_can_be_read_alone(filled: Any) -> None:
    rows = ask(
        filled, "SELECT id, bought, page FROM shop.visits WHERE bought = 1", "SELECT page, id FROM result"
    )
    assert len(rows) == 720
    assert list(rows[0]) == ["page", "id"]


def test_the_rows_are_queried_in_googlesql(filled: Any) -> None:
    rows = ask(
        filled,
        "SELECT * FROM shop.visits",
        "SELECT bought, COUNT(*) AS n, COUNTIF(IS_NAN(amount)) AS odd, MIN(seen) AS first, "
        "MAX(result.day) AS last FROM result GROUP BY bought ORDER BY bought",
    )
    assert [(row["bought"], row["n"], row["odd"]) for row in rows] == [
        (None, 240, 35),
        (0, 1440, 205),
        (1, 720, 103),
    ]
    assert rows[0]["first"] == datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    assert rows[0]["last"] == datetime.date(2020, 4, 9)


@pytest.mark.parametrize(
    ("condition", "value", "count"),
    [
        ("bought = @value", 1, 720),
        ("amount = @value", 1199.0, 1),
        ("day = @value", datetime.date(2020, 1, 2), 24),
        ("seen < @value", datetime.datetime(2020, 1, 1, 2, 0, 0, 2, tzinfo=datetime.UTC), 2),
        ("page = @value", "'", 727),
    ],
)
def test_parameters_have_the_types_that_they_are_written_as(
    filled: Any, condition: str, value: Parameter, count: int
) -> None:
    sql = f"SELECT id FROM shop.visits WHERE {condition}"  # noqa: S608 - ours
    assert len(ask(filled, sql, value=value)) == count


def test_a_parameter_without_a_value_is_rejected_where_it_stands(filled: Any) -> None:
    with raises(
        QueryError,
        subject=re.compile("line 2, column 13, parameter @least$"),
        expected=re.compile(r"source\.parameters"),
        got=re.compile("no values"),
    ):
        ask(filled, "SELECT id FROM shop.visits\nWHERE day > @least")


def test_a_table_is_found_without_its_dataset_where_only_one_has_it(filled: Any) -> None:
    assert len(ask(filled, "SELECT * FROM visits")) == 2400
    filled.put(pa.table({"id": ["a"]}), "archive.visits")
    with raises(
        QueryError,
        subject=re.compile("table 'visits', line 1, column 15$"),
        expected=re.compile("a dataset before its name"),
        got=re.compile("archive"),
    ):
        ask(filled, "SELECT * FROM visits")
    assert len(ask(filled, "SELECT * FROM archive.visits")) == 1


def test_without_a_query_the_only_table_is_read_whole(filled: Any) -> None:
    assert len(ask(filled, "")) == 2400


def test_a_table_that_another_run_left_in_the_temporary_dataset_is_no_source(
    bigquery_adapter: Any, visits: pa.Table
) -> None:
    bigquery_adapter.put(visits, "shop.visits")
    ask(bigquery_adapter, "")  # makes the temporary dataset
    bigquery_adapter.put(pa.table({"id": ["a"]}), "pipeline_temporary.rows_of_another_run")
    assert len(ask(bigquery_adapter, "")) == 2400
    assert list(open_source(bigquery_adapter.uri, access=bigquery_adapter.access).tables()) == ["shop.visits"]


@pytest.mark.parametrize("end", [";", " ; -- all of them", "\n-- all of them\n"])
def test_a_query_may_end_as_it_likes(filled: Any, end: str) -> None:
    assert len(ask(filled, f"SELECT * FROM shop.visits{end}")) == 2400  # noqa: S608 - ours


def test_tables_are_listed_with_their_columns(filled: Any) -> None:
    tables = open_source(filled.uri, access=filled.access).tables()
    assert list(tables) == ["shop.visits"]
    assert str(tables["shop.visits"].field("seen").type) == "timestamp[us, tz=UTC]"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT id,\n  nothere FROM shop.visits", r"the query.*nothere"),
        ("SELECT *\nFROM shop.visitz", r"table '.*visitz', line 2, column 6"),
        ("SELECT *\nFROMM shop.visits", r"the query, line 2"),
        ("SELECT id, id FROM shop.visits", r"each column once"),
        ("DELETE FROM shop.visits WHERE TRUE", r"one SELECT"),
    ],
)
def test_a_wrong_query_is_rejected_before_it_runs(filled: Any, sql: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        open_source(filled.uri, access=filled.access).rows(Source(sql=sql)).__enter__()


def test_the_fingerprint_follows_the_tables_that_the_query_reads(filled: Any, visits: pa.Table) -> None:
    filled.put(visits, "shop.others")
    source = open_source(filled.uri, access=filled.access)
    selection = Source(sql="SELECT id FROM shop.visits")
    before = source.fingerprint(selection)
    assert source.fingerprint(selection) == before
    filled.put(visits.slice(0, 7), "shop.others")
    assert source.fingerprint(selection) == before
    filled.put(visits.slice(0, 7), "shop.visits")
    assert source.fingerprint(selection) != before


def test_shards_are_about_as_long_as_configured_and_their_rows_in_order(filled: Any, tmp_path: Path) -> None:
    reported: list[int] = []
    with open_source(filled.uri, access=filled.access).rows(Source(sql="SELECT * FROM shop.visits")) as rows:
        rows.materialize()
        written = rows.write(
            "SELECT id, seen, amount FROM result WHERE bought = 1",
            ("seen", "id"),
            lambda index: tmp_path / f"part-{index:05d}.parquet",
            100,
            reported.append,
        )
    tables = [pq.read_table(path) for path in sorted(tmp_path.glob("part-*.parquet"))]
    assert written == sum(reported) == sum(table.num_rows for table in tables) == 720
    assert len(tables) == 8
    assert max(table.num_rows for table in tables) <= 130
    assert all(table.column_names == ["id", "seen", "amount"] for table in tables)
    assert all(table.sort_by("seen")["seen"] == table["seen"] for table in tables)
    assert len({key for table in tables for key in table["id"].to_pylist()}) == 720


@pytest.mark.parametrize("key", ["id", None])
@pytest.mark.parametrize("split", [BY_TIME, BY_HASH])
def test_ingest_writes_the_same_from_either(  # noqa: PLR0913, PLR0917 - fixtures
    duckdb_adapter: Any,
    bigquery_adapter: Any,
    visits: pa.Table,
    places: tuple[Path, Path, Path],
    split: TimeSplit | HashSplit,
    key: str | None,
) -> None:
    for each in (duckdb_adapter, bigquery_adapter):
        each.put(visits, "shop.visits")
    here = duckdb_adapter.ingest(places[0], split=split, key=key)
    there = bigquery_adapter.ingest(places[1], split=split, key=key)
    exported = bigquery_adapter.ingest(places[2], split=split, key=key)
    content = read_json(here / "rows.json")
    assert content == read_json(there / "rows.json") == read_json(exported / "rows.json")
    assert (
        content["source_rows"]
        == 2400
        == sum(s["rows"] for s in content["splits"].values()) + sum(content["excluded"].values())
    )
    for name in SPLITS:
        rows = sorted_rows(here, name)
        assert len(rows) == content["splits"][name]["rows"] > 300
        assert sorted_rows(there, name) == rows
        assert sorted_rows(exported, name) == rows


def test_ingest_from_a_warehouse_here_can_write_to_a_bucket(
    duckdb_adapter: Any, visits: pa.Table, tmp_path: Path, bucket: BucketPath
) -> None:
    duckdb_adapter.put(visits, "shop.visits")
    here = duckdb_adapter.ingest(tmp_path / "here", ingest=Ingest(shard_rows=300))
    there = duckdb_adapter.ingest(bucket / "rows", ingest=Ingest(shard_rows=300))
    assert read_json(here / "rows.json") == read_json(there / "rows.json")
    assert sorted_rows(there, "train") == sorted_rows(here, "train")
