"""From a source to rows: the query runs once, its rows are checked, split and written in shards."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.artifacts import Summary, shard_path, shards, write_json, writing_in_place
from components.ingest.checks import Survey, check
from components.ingest.plan import Plan, plan
from components.recording import Progress
from components.sources import Rows, open_source
from configs.errors import DataError
from configs.settings import SPLITS, Split
from configs.settings import Source as Selection
from configs.stages import IngestStage


def run(stage: IngestStage, out: Path, progress: Progress) -> Summary:
    """Write the rows of the stage's query to `out`.

    Args:
        stage: Which rows, and how they are split.
        out: Folder, here or on `gs://`, that becomes `{train,eval,test}/part-*.parquet` and `rows.json`.
        progress: Told while rows are written.

    Returns:
        Rows by split, left out, the share of positives, and what the engine said it would take.

    Raises:
        SourceError: The source cannot be read, or its SQL is wrong.
        DataError: The rows cannot be learned from; nothing is written then.
    """
    source = open_source(stage.source.uri, stage.ingest, stage.access)
    with source.rows(stage.source) as rows:
        how = plan(stage, rows.schema)
        total = rows.hold(progress)
        survey = Survey.of(rows.select(how.survey()))
        check(stage, survey, lambda: _labels(rows, how))
        with writing_in_place(out) as folder:
            told = _Told(progress, survey.rows())
            order = how.order(() if how.key and survey.keys_are_unique else _orderable(rows.schema, how))
            for split in SPLITS:
                written = rows.write(
                    how.rows(split),
                    order,
                    lambda index, split=split: shard_path(folder, split, index),  # type: ignore[misc]
                    stage.ingest.shard_rows,
                    told,
                )
                _reconcile(split, survey.rows(split), written)
            write_json(folder / "rows.json", _description(stage, survey, total, how, rows.schema, folder))
        estimate = dict(rows.estimate)
    return {
        "rows": total,
        **{split: survey.rows(split) for split in SPLITS},
        "excluded": sum(survey.excluded.values()),
        "positive_share": round(survey.positives() / survey.rows(), 4),
        **estimate,
    }


class _Told:
    """Progress over all splits."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self, rows: int) -> None:
        self._done += rows
        self._progress("writing rows", self._done, self._total)


def _reconcile(split: Split, counted: int, written: int) -> None:
    if counted != written:
        raise DataError(
            f"split '{split}'",
            expected=f"{counted:,} rows, as they were counted",
            got=f"{written:,} in its shards",
            way_out="Run ingest again; if it stays so, report it: no row may disappear.",
        )


def _labels(rows: Rows, how: Plan) -> dict[str, int]:
    return {
        each["label"]: each["row_count"] for batch in rows.select(how.labels()) for each in batch.to_pylist()
    }


def _orderable(schema: pa.Schema, how: Plan) -> list[str]:
    return [name for name in how.columns if not pa.types.is_nested(schema.field(name).type)]


def _description(  # noqa: PLR0913, PLR0917 - all that was found
    stage: IngestStage, survey: Survey, total: int, how: Plan, schema: pa.Schema, folder: Path
) -> Mapping[str, Any]:
    return {
        "splits": {
            split: {"rows": survey.rows(split), "shards": len(shards(folder, split))} for split in SPLITS
        },
        "source_rows": total,
        "excluded": survey.excluded,
        "columns": {
            name: "int64" if name == how.label_column else str(schema.field(name).type)
            for name in how.columns
        },
        "query_digest": _query_digest(stage.source),
    }


def _query_digest(selection: Selection) -> str:
    text = json.dumps([selection.sql, selection.model_dump(mode="json")["parameters"]])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
