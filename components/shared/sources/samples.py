"""Public data for a warehouse, loaded all at once.

Columns have GoogleSQL types: the same list fills DuckDB and BigQuery.
"""

import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

import duckdb
import filelock

from components.shared.sources.nycflights13 import DATASET, READ_CSV, TABLES, data_files, duckdb_types
from components.shared.stage.recording import Progress, silent
from configs.bigquery import BigQueryAccess
from configs.errors import BusyError, UnknownSourceError, UnreadableFileError

_LOCK_SECONDS = 60


def seed(uri: str, progress: Progress = silent, access: BigQueryAccess | None = None) -> dict[str, int]:
    """Load the sample data into a warehouse; its other datasets stay as they are.

    Readers see the old tables or the new ones: all at once in DuckDB, table by table in BigQuery.

    Args:
        uri: `duckdb://FILE`; the file and its folder are made where missing. Or `bq://PROJECT[.DATASET]`;
            the dataset (by itself: `flights`) is made where missing.
        progress: Called with each table.
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
        from components.shared.sources.bigquery.samples import load

        return load(uri, access, progress)
    if scheme != "duckdb" or not place:
        raise UnknownSourceError(
            f"cannot load sample data into '{uri}'", expected="duckdb://FILE or bq://PROJECT[.DATASET]"
        )
    return _seed_file(Path(place), progress)


def _seed_file(warehouse: Path, progress: Progress) -> dict[str, int]:
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(f"{warehouse}.lock", timeout=_LOCK_SECONDS)
    tmp = warehouse.with_name(f".{warehouse.name}.{uuid.uuid4().hex[:8]}")
    try:
        with lock, tempfile.TemporaryDirectory(dir=warehouse.parent) as scratch:
            if warehouse.exists():
                shutil.copyfile(warehouse, tmp)
            counts = _fill(tmp, data_files(Path(scratch)), progress)
            tmp.replace(warehouse)
    except filelock.Timeout as error:
        raise BusyError(
            f"the warehouse {warehouse} is being filled by another process",
            remedy="Wait for it, then run the same command again.",
        ) from error
    finally:
        tmp.unlink(missing_ok=True)
    return counts


def _fill(warehouse: Path, files: dict[str, Path], progress: Progress) -> dict[str, int]:
    try:
        connection = duckdb.connect(str(warehouse))
    except duckdb.Error as error:
        raise UnreadableFileError(
            "the warehouse", expected="a DuckDB file", got=str(error).splitlines()[0],
            remedy="Move that file away, then run the same command again.",
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
        f"CREATE TABLE {DATASET}.{table} AS FROM {READ_CSV}",
        {"file": str(file), "types": duckdb_types(columns)},
    )
    counted = connection.execute(f"SELECT count(*) FROM {DATASET}.{table}")  # noqa: S608 - ours
    return int(counted.fetchall()[0][0])
