"""The sample data in BigQuery: one load job a table, which replaces it in one step or leaves it as it was."""

import functools
import tempfile
from pathlib import Path
from typing import Any

from components.shared.sources.bigquery.client import Connection
from components.shared.sources.bigquery.source import parsed_uri
from components.shared.sources.nycflights13 import DATASET, TABLES, data_files, parquet_file
from components.shared.stage.recording import Progress
from configs.bigquery import BigQueryAccess
from configs.errors import SourceError

_TIME = "time_hour"
"""Tables that have this column are partitioned by its day."""
_CLUSTERED = {"flights": ["origin", "carrier"], "weather": ["origin"]}


def load(uri: str, access: BigQueryAccess | None, progress: Progress) -> dict[str, int]:
    """Load the sample data into a dataset, made where missing; see `samples.seed`.

    Loading is free of charge; what is stored costs (40 MB).
    """
    project, dataset = parsed_uri(uri)
    connection = Connection(access or BigQueryAccess(project=project), project)
    name = f"{project}.{dataset or DATASET}"
    connection.make_dataset(name)
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as scratch:
        files = data_files(Path(scratch))
        for table in TABLES:
            progress(f"loading {table}", len(counts), len(TABLES))
            file = Path(scratch) / f"{table}.parquet"
            rows = parquet_file(table, files[table], file)
            counts[table] = _load(connection, f"{name}.{table}", file)
            if counts[table] != rows:
                raise SourceError(
                    f"the table '{name}.{table}'", expected=f"{rows:,} rows", got=f"{counts[table]:,}"
                )
    return counts


def _load(connection: Connection, table: str, file: Path) -> int:
    """Replace a table by a file; returns the rows that it has then."""
    with connection.translate_errors(), file.open("rb") as content:
        config, location = _config(table.rpartition(".")[2], connection.access), connection.access.location
        load = connection.client.load_table_from_file
        started = functools.partial(load, content, table, job_config=config, location=location or None)
        connection.finished(started).result()
        return int(connection.client.get_table(table).num_rows)


def _config(table: str, access: BigQueryAccess) -> Any:
    from google.cloud import bigquery

    columns = TABLES[table]
    return bigquery.LoadJobConfig(
        source_format=bigquery.SourceFormat.PARQUET,
        schema=[bigquery.SchemaField(name, type_) for name, type_ in columns.items()],
        write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
        time_partitioning=bigquery.TimePartitioning(field=_TIME) if _TIME in columns else None,
        clustering_fields=_CLUSTERED.get(table),
        labels=dict(access.labels),
    )
