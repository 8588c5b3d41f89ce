"""Seven real weeks around the storms of June 2013, as a warehouse that can be cut at an instant."""

import datetime
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from components.shared.sources import open_source
from components.shared.sources.samples import seed
from configs.loading import load
from configs.rows import Source

FROM, UNTIL = "2013-05-20", "2013-07-08"
IN_THE_END = datetime.datetime(2014, 1, 1, tzinfo=datetime.UTC)

# When a flight was at the gate, by the clock there: the first time after its flying time at which
# the destination's clock shows arr_time. Nothing of this is taken from the query.
_INSTANTS = """
CREATE TABLE instants AS
WITH flown AS (
  SELECT f.rowid AS id, f.arr_time, coalesce(a.tzone, 'America/Puerto_Rico') AS zone,
    f.time_hour + to_minutes(f.minute) + to_minutes(f.dep_delay) AS departed,
    f.time_hour + to_minutes(f.minute) + to_minutes(f.dep_delay + f.air_time) AS flown_until
  FROM flights AS f LEFT JOIN airports AS a ON a.faa = f.dest
)
SELECT id, departed, flown_until + to_minutes(
  (arr_time // 100 * 60 + arr_time % 100
    - extract(hour FROM timezone(zone, flown_until)) * 60
    - extract(minute FROM timezone(zone, flown_until)) + 1440) % 1440) AS arrived
FROM flown
"""
_UNKNOWN_UNTIL = """
CREATE TABLE known.flights.flights AS
SELECT f.* REPLACE (
  if(i.departed <= $now, dep_time, NULL) AS dep_time,
  if(i.departed <= $now, dep_delay, NULL) AS dep_delay,
  if(i.arrived <= $now, arr_time, NULL) AS arr_time,
  if(i.arrived <= $now, arr_delay, NULL) AS arr_delay,
  if(i.arrived <= $now, air_time, NULL) AS air_time)
FROM flights AS f JOIN instants AS i ON i.id = f.rowid
"""

Row = dict[str, Any]
Ask = Callable[..., dict[str, Row]]


@pytest.fixture(scope="session")
def sql() -> str:
    return load("flights").source.sql


@pytest.fixture(scope="session")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The tables of the weeks, with what has happened in the end."""
    warehouse = tmp_path_factory.mktemp("seeded") / "warehouse.duckdb"
    seed(f"duckdb://{warehouse}")
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"ATTACH '{warehouse}' AS seeded (READ_ONLY)")
    for table in ("planes", "airports"):
        connection.execute(f"CREATE TABLE {table} AS FROM seeded.flights.{table}")
    for table in ("flights", "weather"):
        connection.execute(
            f"CREATE TABLE {table} AS FROM seeded.flights.{table} "
            f"WHERE time_hour BETWEEN '{FROM}' AND '{UNTIL}'"
        )
    connection.execute(_INSTANTS)
    return connection


@pytest.fixture(scope="session")
def ask(weeks: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Rows by flight_id that a query returns; `now`: from tables as they were known then."""
    folder = tmp_path_factory.mktemp("known")

    @functools.cache
    def uri(now: datetime.datetime) -> str:
        warehouse = folder / f"{now:%Y%m%dT%H%M}.duckdb"
        _write_as_known(weeks, warehouse, now)
        return f"duckdb://{warehouse}"

    @functools.lru_cache(maxsize=4)
    def result(query: str, now: datetime.datetime) -> pa.Table:
        with open_source(uri(now)).rows(Source(sql=query)) as found:
            found.materialize()
            return pa.Table.from_batches(found.select("SELECT * FROM result"))

    def rows(query: str, now: datetime.datetime = IN_THE_END, where: str = "TRUE") -> dict[str, Row]:
        found = weeks.from_arrow(result(query, now)).filter(where).to_arrow_table()
        return {row["flight_id"]: row for row in found.to_pylist()}

    return rows


def _write_as_known(weeks: duckdb.DuckDBPyConnection, warehouse: Path, now: datetime.datetime) -> None:
    weeks.execute(f"ATTACH '{warehouse}' AS known; CREATE SCHEMA known.flights")
    weeks.execute(_UNKNOWN_UNTIL, {"now": now})
    weeks.execute(  # an observation carries the hour that it falls into
        "CREATE TABLE known.flights.weather AS FROM weather WHERE time_hour + INTERVAL 1 HOUR <= $now",
        {"now": now},
    )
    for table in ("planes", "airports"):
        weeks.execute(f"CREATE TABLE known.flights.{table} AS FROM {table}")
    weeks.execute("DETACH known")
