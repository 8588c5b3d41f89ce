"""The sample data: loaded whole, again and again, beside what else is there."""

import re
from pathlib import Path
from typing import Any

import duckdb
import filelock
import pytest

from components.shared.sources import open_source, samples
from components.shared.stage.recording import silent
from configs.errors import BusyError, UnknownSourceError, UnreadableFileError
from configs.rows import Source
from tests.errors import raises

ALL = Source(
    sql="SELECT f.flight, w.temp, p.seats, a.name, l.name AS airline "
    "FROM flights AS f, weather AS w, planes AS p, airports AS a, airlines AS l"
)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    warehouse = tmp_path_factory.mktemp("seeded") / "deep" / "warehouse.duckdb"
    counts = samples.seed(f"duckdb://{warehouse}")
    assert counts == {
        "flights": 336_776, "weather": 26_115, "planes": 3_322, "airports": 1_458, "airlines": 16,
    }  # fmt: skip
    return warehouse


def test_tables_have_proper_types_and_real_missing_values(ask: Any, seeded: Path) -> None:
    tables = open_source(f"duckdb://{seeded}").tables()
    assert sorted(tables) == sorted(f"flights.{name}" for name in samples.TABLES)
    assert str(tables["flights.flights"].field("time_hour").type) == "timestamp[us, tz=UTC]"
    assert str(tables["flights.flights"].field("dep_delay").type) == "int64"
    assert str(tables["flights.weather"].field("temp").type) == "double"
    (row,) = ask(
        f"duckdb://{seeded}",
        "SELECT COUNTIF(arr_delay IS NULL) AS unknown, COUNTIF(tailnum = 'NA') AS bad, "
        "MIN(time_hour) AS first, SUM(distance) AS miles FROM flights",
    )
    assert (row["unknown"], row["bad"], row["miles"]) == (9_430, 0, 350_217_607)
    assert row["first"].isoformat() == "2013-01-01T10:00:00+00:00"


def test_loading_again_changes_nothing_and_spares_other_datasets(ask: Any, tmp_path: Path) -> None:
    uri = f"duckdb://{tmp_path / 'w.duckdb'}"
    with duckdb.connect(tmp_path / "w.duckdb") as connection:
        connection.execute("CREATE SCHEMA mine; CREATE TABLE mine.t AS SELECT 1 AS one")
    samples.seed(uri)
    before = open_source(uri).fingerprint(ALL)
    samples.seed(uri)
    assert open_source(uri).fingerprint(ALL) == before
    assert ask(uri, "SELECT one FROM mine.t") == [{"one": 1}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.duckdb", "w.duckdb.lock"]


def test_a_failure_leaves_the_old_warehouse(tmp_path: Path) -> None:
    warehouse = tmp_path / "w.duckdb"
    warehouse.write_text("not a database " * 1000)
    with raises(UnreadableFileError, expected="a DuckDB file"):
        samples.seed(f"duckdb://{warehouse}")
    assert warehouse.read_text().startswith("not a database")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["w.duckdb", "w.duckdb.lock"]


def test_two_loads_at_once_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_LOCK_SECONDS", 0.1)
    with (
        filelock.FileLock(tmp_path / "w.duckdb.lock"),
        raises(BusyError, subject=re.compile(r"w\.duckdb")),
    ):
        samples.seed(f"duckdb://{tmp_path / 'w.duckdb'}", silent)


def test_only_a_local_warehouse_can_be_filled() -> None:
    with raises(UnknownSourceError, expected=re.compile("^duckdb://FILE")):
        samples.seed("file://data")
