"""Predictions in a BigQuery table: loaded into a temporary table, then merged in one step.

Load jobs cost nothing, but one that appends cannot be repeated: after a lost answer the rows would be there
twice. So the shards are loaded into a table of `cloud.bigquery.temporary_dataset`, and one MERGE takes out
what this run (its id and its instant) left before and puts in what it has now; readers see either.
The table is partitioned by the day of `scored_at` and clustered by run, so that MERGE reads one day of it.
"""

import datetime
import functools
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from components.deliver.settings import DeliverStage
from components.shared.files.place import Place
from components.shared.files.storage import storage
from components.shared.rows.parquet import read_schema
from components.shared.sources.bigquery.client import Connection, Statement
from components.shared.sources.googlesql import quoted
from configs.bigquery import BigQueryAccess
from configs.errors import DataError

_TYPES: Mapping[pa.DataType, str] = {
    **dict.fromkeys((pa.int8(), pa.int16(), pa.int32(), pa.int64()), "INTEGER"),
    **dict.fromkeys((pa.float32(), pa.float64()), "FLOAT"),
    **dict.fromkeys((pa.string(), pa.large_string()), "STRING"),
    pa.bool_(): "BOOLEAN",
    pa.binary(): "BYTES",
    pa.date32(): "DATE",
    pa.timestamp("us", "UTC"): "TIMESTAMP",
}
_STANDARD = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
"""Names of types in SQL, where they are others."""
_OF_THIS_RUN = "there.run_id = @run_id AND there.scored_at = @scored_at"


def deliver(files: Sequence[Place], description: Mapping[str, Any], stage: DeliverStage) -> int:
    """Put the rows of Parquet shards into the table, and return how many of this run are there.

    Args:
        files: The shards, here or on `gs://`.
        description: `run_id` and `scored_at`, which identify the run.
        stage: The table, `bq://PROJECT.DATASET.TABLE`, and who pays.

    Raises:
        DataError: A column is of a type that tables do not have, or the table lacks one.
        SourceError, BusyError: BigQuery rejects a call, or is not reached.
    """
    name = stage.output.removeprefix("bq://")
    project = name.split(".")[0]
    connection = Connection(stage.access or BigQueryAccess(project=project), project)
    fields = _fields(read_schema(files[0]))
    _make(connection, name, fields)
    access = connection.access
    temporary = f"{access.project}.{access.bigquery.temporary_dataset}"
    with connection.translate_errors():
        location = connection.client.get_dataset(name.rpartition(".")[0]).location
    connection.make_dataset(temporary, expire_hours=access.bigquery.expire_hours, location=location)
    staged = f"{temporary}.predictions_{uuid.uuid4().hex}"
    try:
        _load(connection, files, staged, fields, location)
        connection.run(Statement(_merge(name, staged, fields), _parameters(description)))
    finally:
        with connection.translate_errors():
            connection.client.delete_table(staged, not_found_ok=True)
    return _count(connection, name, description)


def _fields(schema: pa.Schema) -> list[Any]:
    from google.cloud import bigquery

    for field in schema:
        if field.type not in _TYPES:
            raise DataError(
                f"the column '{field.name}'",
                expected="a number, string, boolean, date or instant, for a table",
                got=str(field.type),
                remedy="Leave it out of prediction.columns, or CAST it in the query.",
            )
    return [bigquery.SchemaField(field.name, _TYPES[field.type]) for field in schema]


def _make(connection: Connection, name: str, fields: Sequence[Any]) -> None:
    """Make the table, and its dataset, where they are missing; else look at its columns."""
    from google.api_core.exceptions import NotFound
    from google.cloud import bigquery

    with connection.translate_errors():
        try:
            _check_columns(name, connection.client.get_table(name), fields)
        except NotFound:
            connection.make_dataset(name.rpartition(".")[0])
            table = bigquery.Table(name, fields)
            table.description = "Batch predictions: a row for each row that was scored."
            table.time_partitioning = bigquery.TimePartitioning(field="scored_at")
            table.clustering_fields = ["run_id"]
            table.labels = dict(connection.access.labels)
            if connection.access.kms_key:
                table.encryption_configuration = bigquery.EncryptionConfiguration(connection.access.kms_key)
            connection.client.create_table(table, exists_ok=True)


def _check_columns(name: str, table: Any, fields: Sequence[Any]) -> None:
    there = {field.name.lower(): _standard(field) for field in table.schema}
    for field in fields:
        found, wanted = there.get(field.name.lower()), _standard(field)
        if found != wanted:
            raise DataError(
                f"the table '{name}'",
                expected=f"the column {field.name} {wanted}",
                got=f"{field.name} {found}" if found else f"only {', '.join(there)}",
                remedy="Name another table in prediction.output."
                if found
                else f"Run: ALTER TABLE {quoted(name)} ADD COLUMN {field.name} {wanted}",
            )


def _standard(field: Any) -> str:
    kind = field.field_type
    return _STANDARD.get(kind, kind) if field.mode != "REPEATED" else f"ARRAY<{kind}>"


def _load(
    connection: Connection, files: Sequence[Place], table: str, fields: Sequence[Any], location: str
) -> None:
    """From a bucket by BigQuery itself, in one job; from this machine by uploads."""
    from google.cloud import bigquery

    config = bigquery.LoadJobConfig(
        schema=fields,
        source_format="PARQUET",
        write_disposition="WRITE_APPEND",
        labels=dict(connection.access.labels),
    )
    if connection.access.kms_key:
        config.destination_encryption_configuration = bigquery.EncryptionConfiguration(
            connection.access.kms_key
        )
    client, arguments = connection.client, {"location": location, "job_config": config}
    with connection.translate_errors():
        if storage(files[0]).shared:
            uri = f"{files[0].parent}/*{files[0].suffix}"
            connection.finished(
                functools.partial(client.load_table_from_uri, uri, table, **arguments)
            ).result()
            return
        for file in files:
            with file.open("rb") as content:
                start = functools.partial(client.load_table_from_file, content, table, **arguments)
                connection.finished(start).result()


def _merge(name: str, staged: str, fields: Sequence[Any]) -> str:
    columns = [quoted(field.name) for field in fields]
    return (
        f"MERGE {quoted(name)} AS there USING {quoted(staged)} AS here ON FALSE\n"  # noqa: S608 - quoted
        f"WHEN NOT MATCHED BY SOURCE AND {_OF_THIS_RUN} THEN DELETE\n"
        f"WHEN NOT MATCHED BY TARGET THEN INSERT ({', '.join(columns)}) "
        f"VALUES ({', '.join(f'here.{column}' for column in columns)})"
    )


def _count(connection: Connection, name: str, description: Mapping[str, Any]) -> int:
    sql = f"SELECT COUNT(*) AS found FROM {quoted(name)} AS there WHERE {_OF_THIS_RUN}"  # noqa: S608 - quoted
    job = connection.run(Statement(sql, _parameters(description)))
    with connection.translate_errors():
        return int(next(iter(job.result()))["found"])


def _parameters(description: Mapping[str, Any]) -> list[Any]:
    from google.cloud import bigquery

    instant = datetime.datetime.fromisoformat(description["scored_at"])
    return [
        bigquery.ScalarQueryParameter("run_id", "STRING", description["run_id"]),
        bigquery.ScalarQueryParameter("scored_at", "TIMESTAMP", instant),
    ]
