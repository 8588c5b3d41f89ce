"""From a source to rows: the query runs once, its rows are checked, split and written in shards."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.ingest.checks import Survey, check
from components.ingest.plan import Plan, plan
from components.ingest.settings import IngestStage
from components.shared.files.artifacts import Summary, shards, write_json, writing_in_place
from components.shared.sources import Rows, open_source, selection
from components.shared.stage.recording import Progress
from configs.rows import SPLITS


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
            wrote = selection.told(progress, survey.rows())
            unique = how.key and survey.keys_are_unique
            order = how.order(() if unique else selection.orderable(how.columns, rows.schema))
            for split in SPLITS:
                counted = survey.rows(split)
                shard_rows = stage.ingest.shard_rows
                selection.write(rows, how.rows(split), order, folder, split, shard_rows, counted, wrote)
            write_json(folder / "rows.json", _description(stage, survey, total, how, rows.schema, folder))
        estimate = dict(rows.estimate)
    return {
        "rows": total,
        **{split: survey.rows(split) for split in SPLITS},
        "excluded": sum(survey.excluded.values()),
        "positive_share": round(survey.positives() / survey.rows(), 4),
        **estimate,
    }


def _labels(rows: Rows, how: Plan) -> dict[str, int]:
    return {
        each["label"]: each["row_count"] for batch in rows.select(how.labels()) for each in batch.to_pylist()
    }


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
        "query_digest": selection.query_digest(stage.source),
    }
