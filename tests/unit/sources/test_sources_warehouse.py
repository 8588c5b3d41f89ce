"""The local warehouse: its datasets, its fingerprint, and what is said when it cannot be read."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from components.shared.sources import open_source
from configs.errors import BusyError, QueryError, SourceError, UnknownSourceError, UnreadableFileError
from configs.rows import Ingest, Source
from tests.errors import raises

HOLD_OPEN = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


@pytest.mark.parametrize("uri", ["s3://bucket/key", "warehouse.duckdb", "duckdb://", ""])
def test_an_unknown_scheme_is_answered_with_the_known_ones(uri: str) -> None:
    with raises(
        UnknownSourceError, expected=re.compile("duckdb://FILE, file://FOLDER, gs://BUCKET/FOLDER or bq")
    ):
        open_source(uri)


def test_tables_are_described_with_googlesql_types(warehouse: str) -> None:
    tables = open_source(warehouse).tables()
    assert sorted(tables) == ["archive.customers", "archive.orders", "shop.orders"]
    assert {field.name: str(field.type) for field in tables["shop.orders"]} == {
        "id": "int64",
        "amount": "double",
        "placed": "timestamp[us, tz=UTC]",
        "day": "date32[day]",
        "note": "string",
    }
    assert str(tables["archive.customers"].field("id").type) == "int64"


def test_a_plain_name_is_looked_for_in_every_dataset(ask: Any, warehouse: str) -> None:
    assert ask(warehouse, "SELECT name FROM customers") == [{"name": "ann"}]
    assert ask(warehouse, "SELECT name FROM `any-project.archive.customers`") == [{"name": "ann"}]


def test_a_plain_name_in_two_datasets_is_rejected(ask: Any, warehouse: str) -> None:
    with pytest.raises(
        QueryError, match=r"'orders', line 1, column 16.*a dataset before its name.*shop\.orders"
    ):
        ask(warehouse, "SELECT id FROM orders")


def test_without_sql_the_only_table_is_read_and_two_are_rejected(
    ask: Any, warehouse: str, tmp_path: Path
) -> None:
    with raises(SourceError, got=re.compile(r"archive\.customers")):
        ask(warehouse)
    with duckdb.connect(tmp_path / "one.duckdb") as connection:
        connection.execute("CREATE TABLE single AS SELECT 5 AS five")
    assert ask(f"duckdb://{tmp_path / 'one.duckdb'}") == [{"five": 5}]


def test_equal_content_has_an_equal_fingerprint_in_any_order(tmp_path: Path) -> None:
    def fingerprint(name: str, rows: str) -> str:
        with duckdb.connect(tmp_path / name) as connection:
            connection.execute(f"CREATE TABLE t AS FROM (VALUES {rows}) AS v(a, b)")
            connection.execute("CREATE TABLE other AS SELECT random() AS unread")
        return open_source(f"duckdb://{tmp_path / name}").fingerprint(Source(sql="SELECT a FROM t"))

    first = fingerprint("1", "(1, 'x'), (2, NULL), (2, NULL)")
    assert fingerprint("2", "(2, NULL), (1, 'x'), (2, NULL)") == first
    assert fingerprint("3", "(1, 'x'), (2, NULL)") != first
    assert fingerprint("4", "(1, 'y'), (2, NULL), (2, NULL)") != first
    assert fingerprint("5", "(1, 'x'), (3, NULL), (3, NULL)") != first, "two equal rows do not cancel out"


def test_reading_leaves_the_file_as_it_is(ask: Any, warehouse: str) -> None:
    file = Path(warehouse.removeprefix("duckdb://"))
    before = file.read_bytes()
    ask(warehouse, "SELECT id FROM shop.orders")
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_missing_warehouse_is_answered_with_the_command_that_makes_one(ask: Any, tmp_path: Path) -> None:
    with raises(SourceError, got=re.compile("nothing there"), remedy=re.compile("python -m pipelines seed")):
        ask(f"duckdb://{tmp_path / 'nowhere.duckdb'}", "SELECT 1 AS one")


def test_a_file_that_is_no_warehouse_is_named(ask: Any, tmp_path: Path) -> None:
    (tmp_path / "letters.duckdb").write_text("dear sir\n" * 1000)
    with raises(UnreadableFileError, subject=re.compile(r"letters\.duckdb$"), expected="a DuckDB file"):
        ask(f"duckdb://{tmp_path / 'letters.duckdb'}", "SELECT 1 AS one")


def test_a_warehouse_that_another_process_writes_is_busy(ask: Any, tmp_path: Path) -> None:
    file = tmp_path / "held.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_OPEN, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"open\n"
        with raises(BusyError, subject=re.compile(r"held\.duckdb")):
            ask(f"duckdb://{file}", "SELECT 1 AS one")
        holder.kill()


def test_more_rows_than_memory_are_spilled_not_rejected(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "big.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT i, hash(i)::VARCHAR AS text FROM range(700_000) AS r(i)")
    source = open_source(f"duckdb://{tmp_path / 'big.duckdb'}", Ingest(memory_limit="40MB", threads=1))
    with source.rows(Source(sql="SELECT text, i FROM t")) as rows:
        assert rows.materialize() == 700_000
        batches = rows.select("SELECT i FROM result ORDER BY text", 100_000)
        assert sum(batch.num_rows for batch in batches) == 700_000


def test_a_query_beyond_its_memory_says_which_knob_to_turn(tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "one.duckdb") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS one")
    source = open_source(f"duckdb://{tmp_path / 'one.duckdb'}", Ingest(memory_limit="10MB", threads=1))
    sql = "SELECT ARRAY_AGG(i) AS all_of_them FROM UNNEST(GENERATE_ARRAY(1, 2000000)) AS i"
    with (
        source.rows(Source(sql=sql)) as rows,
        raises(SourceError, remedy=re.compile(r"ingest\.memory_limit")),
    ):
        rows.materialize()
