"""Rows scored by the exported signature of a model, on Beam: a shard of predictions for each piece of rows.

The signature is called by a DoFn on Arrow batches, not through Beam's RunInference: docs/adr/0010.
"""

import functools
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.utils.shared import Shared

from components.predict import distribution, scored
from components.predict.distribution import Scores
from components.predict.scored import Model, Stamp
from components.predict.settings import PredictStage
from components.shared.beam.counters import Counts, count, count_scored, counted, rows_so_far
from components.shared.beam.options import pipeline_options
from components.shared.beam.running import distribute, watched
from components.shared.beam.running import run as run_pipeline
from components.shared.beam.staging import shared
from components.shared.beam.work import Work
from components.shared.files.artifacts import (
    Summary,
    shard_path,
    shards,
    write_json,
    writing_file,
    writing_in_place,
)
from components.shared.files.paths import parallel_map
from components.shared.rows.parquet import opened
from components.shared.rows.raw import raw_batch
from components.shared.rows.rejected import (
    REJECTED,
    accepted_rows,
    check_share,
    reasons,
    rejected_rows,
    text_complaints,
)
from components.shared.rows.row_ranges import RowRange, batches, plan_ranges, schema
from components.shared.stage.recording import JobProgress
from configs.errors import DataError, JobError

_LIMIT = "prediction.max_rejected"


def run(  # noqa: PLR0913, PLR0917 - the stage's inputs, settings and output
    rows: Path, model: Path, stamp: Stamp, stage: PredictStage, out: Path, progress: JobProgress
) -> Summary:
    """Score every row that can be scored; put the others aside with their reasons.

    Args:
        rows: The `rows` artifact; its part `score` is scored.
        model: A SavedModel with the signature `serving_default`.
        stamp: What every prediction says of model and run.
        stage: What is kept of a row, threshold and limits.
        out: The `predictions` artifact, written whole or not at all: `score/part-*.parquet`,
            `rejected/score/part-*.parquet` and `predictions.json`.
        progress: Told how many rows are scored.

    Raises:
        SettingsError: Beam does not know one of its options.
        CloudError: Beam's job on Dataflow is refused, fails or is cancelled.
        DataError: No rows, or more of them than `max_rejected` cannot be scored.
        ModelError: The model cannot be loaded, wants other rows, or gives no probabilities.
        UnreadableFileError: A damaged shard.
    """
    options = pipeline_options(stage.beam, "predict", out)
    every = plan_ranges(rows, "score", stage.shard_rows)
    if not every:
        raise DataError("the rows to score", expected="at least one", got="none")
    with writing_in_place(out) as folder:
        with shared(model, options) as reachable:
            counts = _score(every, _Told(stage, reachable, stamp, folder), options, progress)
        check_share("the rows to score", counts.rows, counts.rejected, stage.max_rejected, _LIMIT)
        scores = _reconcile(every, folder, counts)
        write_json(folder / "predictions.json", _description(counts, scores, stamp, stage))
    return _summary(counts, stamp)


class _Told:
    """What a worker needs to know."""

    def __init__(self, stage: PredictStage, model: Path, stamp: Stamp, out: Path) -> None:
        self.stage, self.model, self.stamp, self.out = stage, model, stamp, out

    def kept(self) -> list[str]:
        """The columns of a row that its prediction keeps."""
        return list(dict.fromkeys([*([self.stage.key] if self.stage.key else []), *self.stage.columns]))

    def load(self) -> Model:
        """The model, from where it lies."""
        return Model(self.model, self.stamp.model_version)


def _score(every: Sequence[RowRange], told: _Told, options: PipelineOptions, progress: JobProgress) -> Counts:
    work = Work(
        name="score",
        what="score rows",
        total=sum(piece.rows for piece in every),
        done=functools.partial(rows_so_far, splits=("score",)),
        progress=progress,
    )
    work.progress(work.what, 0, work.total)
    pipeline = beam.Pipeline(options=options)
    _ = distribute(pipeline, every) | "Score" >> beam.ParDo(_Score(told))
    with watched(told.out, every, work, options):
        counts = counted(run_pipeline(pipeline, work), "score")
    work.progress(work.what, work.total, work.total)
    return counts


class _Score(beam.DoFn):
    """One piece in, one shard of predictions in the file system; a batch in memory at a time."""

    def __init__(self, told: _Told) -> None:
        self.told, self.shared = told, Shared()

    def setup(self) -> None:
        """The model is loaded once for all threads of a worker's process."""
        self.model: Model = self.shared.acquire(self.told.load)

    def process(self, piece: RowRange) -> None:
        told, rejected = self.told, []
        rows = schema(piece.shard)
        self.model.scorer.check(rows)
        columns = scored.schema(rows, told.kept())
        path, scores = shard_path(told.out, piece.split, piece.index), distribution.NONE
        with writing_file(path) as beside, pq.ParquetWriter(beside, columns) as shard:
            for predictions, aside in self._scored(piece, columns):
                shard.write_batch(predictions)
                scores += distribution.counted(predictions.column("score").to_numpy())
                rejected.extend(aside)
            shard.add_key_value_metadata(scores.footer())
        if rejected:
            path = shard_path(told.out / REJECTED, piece.split, piece.index)
            with writing_file(path) as beside:
                pq.write_table(pa.concat_tables(rejected), beside)

    def _scored(self, piece: RowRange, columns: pa.Schema) -> Iterator[tuple[pa.RecordBatch, list[pa.Table]]]:
        """The predictions of each batch, and its rejected rows if there are any."""
        stage, model = self.told.stage, self.model
        wanted = list(dict.fromkeys([*self.told.kept(), *model.features.columns]))
        for batch in batches(piece, wanted, stage.batch_rows):
            texts = text_complaints(batch, model.features.categorical, stage.max_string_bytes)
            why = reasons(batch.num_rows, chain(scored.key_complaints(batch, stage.key), texts))
            accepted = accepted_rows(batch, why)
            raw = raw_batch(accepted, model.features)
            scores = model.scores(raw)
            count(
                piece.split,
                rows=batch.num_rows,
                rejected=[reason for reason in why if reason],
                missing=model.missing(raw),
            )
            count_scored(
                piece.split, positives=int((scores >= stage.threshold).sum()), unseen=model.unseen(raw)
            )
            aside = [rejected_rows(batch, why)] if accepted.num_rows < batch.num_rows else []
            yield scored.predictions(accepted, scores, stage.threshold, self.told.stamp, columns), aside


def _reconcile(every: Sequence[RowRange], folder: Path, counts: Counts) -> Scores:
    """Count what lies there: no row may disappear, none may be there twice. Returns its scores."""
    asked = sum(piece.rows for piece in every)
    if counts.rows != asked:
        raise JobError(
            "the counters of the rows to score",
            expected=f"{asked:,} rows",
            got=f"{counts.rows:,}",
            remedy="A job's counters were not whole: run the same command again.",
        )
    scores = distribution.summed(parallel_map(_scores, shards(folder, "score")))
    written = sum(scores.counts)
    aside = _rows_in(shards(folder / REJECTED, "score")) if counts.accepted < counts.rows else 0
    if asked != written + aside:
        raise DataError(
            "the predictions",
            expected=f"one for each of {asked:,} rows, or a reason why not",
            got=f"{written:,} predictions and {aside:,} rejected rows",
            remedy="Run again; if it stays so, report it: no row may disappear.",
        )
    return scores


def _scores(file: Path) -> Scores:
    """Of a shard's footer, which must know each of its rows."""
    with opened(file) as shard:
        rows, found = int(shard.metadata.num_rows), distribution.of_footer(shard.metadata.metadata or {})
    if sum(found.counts) != rows:
        raise DataError(str(file), expected=f"{rows:,} scores counted", got=f"{sum(found.counts):,}")
    return found


def _rows_in(files: Sequence[Path]) -> int:
    return sum(parallel_map(_rows, files))


def _rows(file: Path) -> int:
    with opened(file) as shard:
        return int(shard.metadata.num_rows)


def _description(counts: Counts, scores: Scores, stamp: Stamp, stage: PredictStage) -> dict[str, object]:
    return {
        "run_id": stamp.run_id,
        "model_name": stamp.model_name,
        "model_version": stamp.model_version,
        "scored_at": stamp.scored_at.isoformat(),
        "threshold": stage.threshold,
        "rows": counts.rows,
        "predictions": counts.accepted,
        "positives": counts.positives,
        "scores": scores.told(),
        "rejected": dict(counts.rejected),
        "missing": scored.named(counts.missing),
        "unseen": scored.named(counts.unseen),
    }


def _summary(counts: Counts, stamp: Stamp) -> Summary:
    return {
        "rows": counts.rows,
        "predictions": counts.accepted,
        "rejected": counts.rows - counts.accepted,
        "positive_share": round(counts.positives / max(counts.accepted, 1), 4),
        "unseen_values": sum(counts.unseen.values()),
        "missing_values": sum(counts.missing.values()),
        "model_version": stamp.model_version,
    }
