"""From a source to the rows that a model scores: the query runs once, its rows are checked and written."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from components.select.settings import SelectStage
from components.shared.files.artifacts import Summary, shards, write_json, writing_in_place
from components.shared.rows import raw
from components.shared.sources import open_source, selection
from components.shared.sources.selection import quoted
from components.shared.sources.source import RESULT
from components.shared.stage.recording import Progress
from configs.errors import DataError
from configs.features import Features


class _Counted(NamedTuple):
    rows: int
    keys: int
    """Distinct keys."""


def run(stage: SelectStage, features: Features, out: Path, progress: Progress) -> Summary:
    """Write the rows of the stage's query to `out`.

    Args:
        stage: Which rows.
        features: The raw columns that the model wants.
        out: Folder, here or on `gs://`, that becomes `score/part-*.parquet` and `rows.json`.
        progress: Told while rows are written.

    Returns:
        The rows, how many of them repeat a key, and what the engine said it would take.

    Raises:
        SourceError: The source cannot be read, or its SQL is wrong.
        MissingFeatureError: A column is not among those of the query; the nearest is named.
        DataError: There are no rows, or a column is of a type that the model cannot be fed.
    """
    what = selection.with_examples(stage.source, stage.examples)
    with open_source(what.uri, stage.ingest, stage.access).rows(what) as rows:
        wanted = _columns(stage, features)
        selection.check_columns(wanted, rows.schema)
        raw.check_columns(rows.schema, features)
        total = rows.hold(progress)
        if not total:
            raise _none(stage)
        (counts,) = [each for batch in rows.select(_count(stage.key)) for each in batch.to_pylist()]
        counted = _Counted(**counts)
        columns = ", ".join(map(quoted, wanted))
        with writing_in_place(out) as folder:
            selection.write(
                rows,
                f"SELECT {columns} FROM {RESULT}",  # noqa: S608 - made of checked names
                _order(stage, counted, wanted, rows.schema),
                folder,
                "score",
                stage.ingest.shard_rows,
                total,
                selection.told(progress, total),
            )
            write_json(
                folder / "rows.json",
                {
                    "rows": total,
                    "shards": len(shards(folder, "score")),
                    "repeated_keys": total - counted.keys if stage.key else 0,
                    "columns": {name: str(rows.schema.field(name).type) for name in wanted},
                    "query_digest": selection.query_digest(what),
                },
            )
        estimate = dict(rows.estimate)
    repeated = {"repeated_keys": total - counted.keys} if stage.key and counted.keys < total else {}
    return {"rows": total, "columns": len(wanted), **repeated, **estimate}


def _columns(stage: SelectStage, features: Features) -> list[str]:
    named = [*([stage.key] if stage.key else []), *stage.columns, *features.columns]
    return list(dict.fromkeys(named))


def _count(key: str | None) -> str:
    keys = f"COUNT(DISTINCT {quoted(key)})" if key else "0"
    return f"SELECT COUNT(*) AS `rows`, {keys} AS `keys` FROM {RESULT}"  # noqa: S608 - made of checked names


def _order(stage: SelectStage, counted: _Counted, wanted: Iterable[str], schema: pa.Schema) -> list[str]:
    """By the key; where that does not tell the rows apart, by everything."""
    if stage.key and counted.keys == counted.rows:
        return [stage.key]
    return list(dict.fromkeys([*([stage.key] if stage.key else []), *selection.orderable(wanted, schema)]))


def _none(stage: SelectStage) -> DataError:
    parameters = ", ".join(f"{name}={value}" for name, value in stage.source.parameters.items())
    return DataError(
        "the rows to score",
        expected="at least one",
        got="none" + (f" with {parameters}" if parameters else ""),
        remedy=f"Look at {stage.source.query or 'the source'} and its parameters.",
    )
