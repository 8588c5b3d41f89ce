"""Some days of the flights, in a warehouse of this machine and in BigQuery's."""

from pathlib import Path
from typing import Any

import duckdb
from google.cloud import bigquery

from components.shared.sources.samples import DATASET, TABLES, seed

FIRST, LAST = "2013-11-01", "2013-11-12"
"""With the end of daylight saving time in between."""


def make(folder: Path) -> Path:
    """A DuckDB file with all airports and airlines, and the flights, planes and weather of those days."""
    seed(f"duckdb://{folder / 'year.duckdb'}")
    with duckdb.connect(folder / "days.duckdb") as connection:
        connection.execute(f"ATTACH '{folder / 'year.duckdb'}' AS year (READ_ONLY)")
        connection.execute(f"CREATE SCHEMA {DATASET}")
        for table, columns in TABLES.items():
            where = f"time_hour BETWEEN '{FIRST}' AND '{LAST}'" if "time_hour" in columns else "TRUE"
            connection.execute(f"CREATE TABLE {DATASET}.{table} AS FROM year.{DATASET}.{table} WHERE {where}")
    return folder / "days.duckdb"


def load(days: Path, client: Any) -> None:
    """The same tables into the project of a BigQuery client."""
    client.create_dataset(DATASET)
    with duckdb.connect(days, read_only=True) as connection:
        for table, columns in TABLES.items():
            file, name = days.with_name(f"{table}.parquet"), f"{client.project}.{DATASET}.{table}"
            count = connection.execute(f"COPY {DATASET}.{table} TO '{file}'").fetchall()[0][0]
            schema = [bigquery.SchemaField(column, type_) for column, type_ in columns.items()]
            config = bigquery.LoadJobConfig(schema=schema, source_format="PARQUET")
            with file.open("rb") as content:
                client.load_table_from_file(content, name, job_config=config).result()
            assert client.get_table(name).num_rows == count
