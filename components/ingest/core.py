"""From a source to rows: the query runs once, its rows are checked, split and written in shards."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.artifacts import Summary, shard_path, shards, write_json, writing
from components.ingest.checks import Survey, check
from components.ingest.plan import Plan, plan
from components.recording import Progress
from components.sources import Rows, open_source
from configs.settings import SPLITS
from configs.settings import Source as Selection
from configs.stages import IngestStage

_ROW_GROUP_ROWS = 16_384


def run(stage: IngestStage, out: Path, progress: Progress) -> Summary:
    """Write the rows of the stage's query to `out`.

    Args:
        stage: Which rows, and how they are split.
        out: Folder that becomes `{train,eval,test}/part-*.parquet` and `rows.json`.
        progress: Told while rows are written.

    Returns:
        Rows by split, left out, and the share of positives.

    Raises:
        SourceError: The source cannot be read, or its SQL is wrong.
        DataError: The rows cannot be learned from; nothing is written then.
    """
    source = open_source(stage.source.uri, stage.ingest)
    with source.rows(stage.source) as rows:
        how = plan(stage, rows.schema)
        total = rows.hold(progress)
        survey = Survey.of(rows.select(how.survey()))
        check(stage, survey, lambda: _labels(rows, how))
        ties = () if how.key and survey.keys_are_unique else _orderable(rows.schema, how)
        with writing(out) as folder:
            done = 0
            for split in SPLITS:
                for table in _tables(rows, how.rows(split, ties), stage.ingest.shard_rows):
                    path = shard_path(folder, split, len(shards(folder, split)))
                    pq.write_table(table, path, row_group_size=_ROW_GROUP_ROWS)
                    done += table.num_rows
                    progress("writing rows", done, survey.rows())
            write_json(folder / "rows.json", _description(stage, survey, total, folder))
    return {
        "rows": total,
        **{split: survey.rows(split) for split in SPLITS},
        "excluded": sum(survey.excluded.values()),
        "positive_share": round(survey.positives() / survey.rows(), 4),
    }


def _labels(rows: Rows, how: Plan) -> dict[str, int]:
    return {
        each["label"]: each["row_count"] for batch in rows.select(how.labels()) for each in batch.to_pylist()
    }


def _orderable(schema: pa.Schema, how: Plan) -> list[str]:
    return [name for name in how.columns if not pa.types.is_nested(schema.field(name).type)]


def _tables(rows: Rows, sql: str, size: int) -> Iterator[pa.Table]:
    """The rows of a query in tables of exactly `size` rows; the last may be shorter."""
    held: list[pa.RecordBatch] = []
    for batch in rows.select(sql, size):
        rest = batch
        while rest.num_rows:
            room = size - sum(each.num_rows for each in held)
            held.append(rest.slice(0, room))
            rest = rest.slice(room)
            if room <= held[-1].num_rows:
                yield pa.Table.from_batches(held)
                held = []
    if held:
        yield pa.Table.from_batches(held)


def _description(stage: IngestStage, survey: Survey, total: int, folder: Path) -> dict[str, Any]:
    written = pq.read_schema(shard_path(folder, "train", 0))
    return {
        "splits": {
            split: {"rows": survey.rows(split), "shards": len(shards(folder, split))} for split in SPLITS
        },
        "source_rows": total,
        "excluded": survey.excluded,
        "columns": {field.name: str(field.type) for field in written},
        "query_digest": _query_digest(stage.source),
    }


def _query_digest(selection: Selection) -> str:
    text = json.dumps([selection.sql, selection.model_dump(mode="json")["parameters"]])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
