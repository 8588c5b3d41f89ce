"""From a source to the rows that a model scores: the query runs once, its rows are checked and written."""

from components.select.settings import SelectStage
from components.shared.files.artifacts import Summary, shards, write_json, writing_in_place
from components.shared.files.place import Place
from components.shared.rows import raw
from components.shared.sources import Rows, open_source, selection
from components.shared.sources.googlesql import quoted
from components.shared.sources.source import RESULT
from components.shared.stage.recording import Progress
from configs.errors import DataError
from configs.features import Features


def run(stage: SelectStage, features: Features, out: Place, progress: Progress) -> Summary:
    """Write the rows of the stage's query to `out`.

    Args:
        stage: Which rows.
        features: The raw columns that the model wants.
        out: Folder, here or on `gs://`, that becomes `score/part-*.parquet` and `rows.json`.
        progress: Called while rows are written.

    Returns:
        The rows, how many of them repeat a key, and the engine's estimate of the bytes to scan.

    Raises:
        SourceError: The source cannot be read, or its SQL is wrong.
        MissingFeatureError: A column is not among those of the query; the nearest is named.
        DataError: There are no rows, or a column is of a type that the model cannot be fed.
    """
    source = selection.with_examples(stage.source, stage.examples)
    with open_source(source.uri, stage.ingest, stage.access).rows(source) as rows:
        key = [stage.key] if stage.key else []
        columns = list(dict.fromkeys([*key, *stage.columns, *features.columns]))
        selection.check_columns(columns, rows.schema)
        raw.check_columns(rows.schema, features)
        total = rows.materialize(progress)
        if not total:
            raise _no_rows_error(stage)
        repeated = total - _count_keys(rows, stage.key) if stage.key else 0
        order = key if key and not repeated else selection.orderable(columns, rows.schema)
        sql = f"SELECT {', '.join(map(quoted, columns))} FROM {RESULT}"  # noqa: S608 - made of checked names
        with writing_in_place(out) as folder:
            wrote = selection.report_written(progress, total)
            selection.write(rows, sql, order, folder, "score", stage.ingest.shard_rows, total, wrote)
            description = {
                "rows": total,
                "shards": len(shards(folder, "score")),
                "repeated_keys": repeated,
                "columns": {name: str(rows.schema.field(name).type) for name in columns},
                "query_digest": selection.query_digest(source),
            }
            write_json(folder / "rows.json", description)
        estimate = dict(rows.estimate)
    found = {"repeated_keys": repeated} if repeated else {}
    return {"rows": total, "columns": len(columns), **found, **estimate}


def _count_keys(rows: Rows, key: str) -> int:
    """How many different keys the rows have."""
    sql = f"SELECT COUNT(DISTINCT {quoted(key)}) AS `keys` FROM {RESULT}"  # noqa: S608 - made of checked names
    (row,) = [row for batch in rows.select(sql) for row in batch.to_pylist()]
    return int(row["keys"])


def _no_rows_error(stage: SelectStage) -> DataError:
    parameters = ", ".join(f"{name}={value}" for name, value in stage.source.parameters.items())
    return DataError(
        "the rows to score",
        expected="at least one",
        got="none" + (f" with {parameters}" if parameters else ""),
        remedy=f"Look at {stage.source.query or 'the source'} and its parameters.",
    )
