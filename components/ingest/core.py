"""From a source to rows: the query runs once, its rows are checked, split and written in shards."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from components.ingest.checks import Survey, check
from components.ingest.plan import Plan, make_plan
from components.ingest.settings import IngestStage
from components.shared.files.artifacts import Summary, shards, write_json, writing_in_place
from components.shared.files.place import Place
from components.shared.sources import Rows, open_source, selection
from components.shared.stage.recording import Progress
from configs.rows import SPLITS


def run(stage: IngestStage, out: Place, progress: Progress) -> Summary:
    """Write the rows of the stage's query to `out`.

    Args:
        stage: Which rows, and how they are split.
        out: Folder, here or on `gs://`, that becomes `{train,eval,test}/part-*.parquet` and `rows.json`.
        progress: Called while rows are written.

    Returns:
        Rows by split, rows left out, the share of positives, and the engine's estimate of the bytes to scan.

    Raises:
        SourceError: The source cannot be read, or its SQL is wrong.
        DataError: The rows cannot be learned from; nothing is written then.
    """
    source = open_source(stage.source.uri, stage.ingest, stage.access)
    with source.rows(stage.source) as rows:
        plan = make_plan(stage, rows.schema)
        total = rows.materialize(progress)
        survey = Survey.of(rows.select(plan.survey()))
        check(stage, survey, lambda: _labels(rows, plan))
        with writing_in_place(out) as folder:
            wrote = selection.report_written(progress, survey.rows())
            unique = plan.key and survey.keys_are_unique
            order = plan.order(() if unique else selection.orderable(plan.columns, rows.schema))
            for split in SPLITS:
                counted = survey.rows(split)
                shard_rows = stage.ingest.shard_rows
                selection.write(rows, plan.rows(split), order, folder, split, shard_rows, counted, wrote)
            write_json(folder / "rows.json", _description(stage, survey, total, plan, rows.schema, folder))
        estimate = dict(rows.estimate)
    return {
        "rows": total,
        **{split: survey.rows(split) for split in SPLITS},
        "excluded": sum(survey.excluded.values()),
        "positive_share": round(survey.positives() / survey.rows(), 4),
        **estimate,
    }


def _labels(rows: Rows, plan: Plan) -> dict[str, int]:
    return {
        each["label"]: each["row_count"] for batch in rows.select(plan.labels()) for each in batch.to_pylist()
    }


def _description(  # noqa: PLR0913, PLR0917 - all that was found
    stage: IngestStage, survey: Survey, total: int, plan: Plan, schema: pa.Schema, folder: Place
) -> Mapping[str, Any]:
    return {
        "splits": {
            split: {"rows": survey.rows(split), "shards": len(shards(folder, split))} for split in SPLITS
        },
        "source_rows": total,
        "excluded": survey.excluded,
        "columns": {
            name: "int64" if name == plan.label_column else str(schema.field(name).type)
            for name in plan.columns
        },
        "query_digest": selection.query_digest(stage.source),
    }
