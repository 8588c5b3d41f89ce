"""From a source to rows: the query runs once, its rows are checked, split and written in shards."""

from typing import Any

from components.ingest.plan import Survey, check, make_plan
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
        survey = Survey.of(_rows(rows, plan.survey()))
        check(stage, survey, lambda: {row["label"]: row["row_count"] for row in _rows(rows, plan.labels())})
        with writing_in_place(out) as folder:
            wrote = selection.report_written(progress, survey.rows())
            unique = plan.key and survey.keys_are_unique
            order = plan.order(() if unique else selection.orderable(plan.columns, rows.schema))
            for split in SPLITS:
                counted = survey.rows(split)
                shard_rows = stage.ingest.shard_rows
                selection.write(rows, plan.rows(split), order, folder, split, shard_rows, counted, wrote)
            kinds = {name: str(rows.schema.field(name).type) for name in plan.columns}
            description = {
                "splits": {
                    split: {"rows": survey.rows(split), "shards": len(shards(folder, split))}
                    for split in SPLITS
                },
                "source_rows": total,
                "excluded": survey.excluded,
                "columns": kinds | {plan.label_column: "int64"},
                "query_digest": selection.query_digest(stage.source),
            }
            write_json(folder / "rows.json", description)
        estimate = dict(rows.estimate)
    return {
        "rows": total,
        **{split: survey.rows(split) for split in SPLITS},
        "excluded": sum(survey.excluded.values()),
        "positive_share": round(survey.positives() / survey.rows(), 4),
        **estimate,
    }


def _rows(rows: Rows, query: str) -> list[dict[str, Any]]:
    return [row for batch in rows.select(query) for row in batch.to_pylist()]
