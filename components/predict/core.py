"""Rows scored by the exported signature of a model, on Beam: a shard of predictions for each row range.

The signature is called by a DoFn on Arrow batches, not through Beam's RunInference: docs/adr/0010.
"""

from collections.abc import Iterator
from itertools import chain

import pyarrow as pa
from apache_beam.utils.shared import Shared

from components.predict import scored
from components.predict.scored import Model, Scores, Stamp
from components.predict.settings import PredictStage
from components.shared.beam.counts import Counts
from components.shared.beam.options import pipeline_options
from components.shared.beam.shards import Batch, WriteShard, write_shards
from components.shared.beam.staging import staged_input
from components.shared.files.artifacts import Summary, shards, write_json, writing_in_place
from components.shared.files.paths import map_places, place
from components.shared.files.place import Place
from components.shared.rows.parquet import read_footer, read_schema
from components.shared.rows.raw import count_missing, raw_batch
from components.shared.rows.rejected import REJECTED, check_share, find_text_errors, split_batch
from components.shared.rows.row_ranges import RowRange, plan_ranges, read_range
from components.shared.stage.recording import JobProgress
from configs.errors import DataError

_LIMIT = "prediction.max_rejected"


def run(  # noqa: PLR0913, PLR0917 - the stage's inputs, settings and output
    rows: Place, model: Place, stamp: Stamp, stage: PredictStage, out: Place, progress: JobProgress
) -> Summary:
    """Score every row that can be scored; write the others out with their reasons.

    Args:
        rows: The `rows` artifact; its part `score` is scored.
        model: A SavedModel with the signature `serving_default`.
        stamp: The model and the run, for every prediction.
        stage: Columns carried over from a row, threshold and limits.
        out: The `predictions` artifact, written whole or not at all: `score/part-*.parquet`,
            `rejected/score/part-*.parquet` and `predictions.json`.
        progress: Called with the rows that are scored.

    Raises:
        SettingsError: Beam does not know one of its options.
        CloudError: Beam's job on Dataflow is rejected, fails or is cancelled.
        DataError: No rows, or more of them than `max_rejected` cannot be scored.
        ModelError: The model cannot be loaded, wants other rows, or gives no probabilities.
        UnreadableFileError: A damaged shard.
    """
    options = pipeline_options(stage.beam, "predict", out)
    ranges = plan_ranges(rows, "score", stage.shard_rows)
    if not ranges:
        raise DataError("the rows to score", expected="at least one", got="none")
    with writing_in_place(out) as folder:
        with staged_input(model, options) as reachable:
            write = _WritePredictions(stage, reachable, stamp, folder)
            counts = write_shards(ranges, write, options, "score rows", progress)["score"]
        check_share("the rows to score", counts.rows, counts.rejected, stage.max_rejected, _LIMIT)
        scores = _reconcile(folder, counts)
        write_json(folder / "predictions.json", _description(counts, scores, stamp, stage))
    return _summary(counts, stamp)


class _WritePredictions(WriteShard):
    """Row ranges become predictions, by the model in `folder`, where workers reach it.

    The footer of a shard has the distribution of its scores.
    """

    def __init__(self, stage: PredictStage, folder: Place, stamp: Stamp, out: Place) -> None:
        super().__init__(out)
        self.stage, self.folder, self.stamp = stage, folder, stamp
        self.carried = list(dict.fromkeys([*([stage.key] if stage.key else []), *stage.columns]))
        self.loaded, self.scores = Shared(), scored.NO_SCORES

    def setup(self) -> None:
        """The model is loaded once for all threads of a worker's process."""
        self.model: Model = self.loaded.acquire(lambda: Model(self.folder, self.stamp.model_version))

    def schema(self, row_range: RowRange) -> pa.Schema:
        rows = read_schema(place(row_range.shard))
        self.model.scorer.check(rows)
        return scored.schema(rows, self.carried)

    def footer(self) -> dict[str, str]:
        return self.scores.footer()

    def batches(self, row_range: RowRange, schema: pa.Schema) -> Iterator[Batch]:
        stage, model, self.scores = self.stage, self.model, scored.NO_SCORES
        wanted = list(dict.fromkeys([*self.carried, *model.features.columns]))
        for batch in read_range(row_range, wanted, stage.batch_rows):
            texts = find_text_errors(batch, model.features.categorical, stage.max_string_bytes)
            accepted, rejected, reasons = split_batch(
                batch, chain(scored.find_key_errors(batch, stage.key), texts)
            )
            raw = raw_batch(accepted, model.features)
            scores = model.scores(raw)
            self.scores += scored.count_scores(scores)
            counts = Counts(
                rows=batch.num_rows,
                rejected=reasons,
                missing=count_missing(raw, model.features.columns),
                unseen=model.unseen(raw),
                positives=int((scores >= stage.threshold).sum()),
            )
            predictions = scored.predictions(accepted, scores, stage.threshold, self.stamp, schema)
            yield Batch(predictions, rejected, counts)


def _reconcile(folder: Place, counts: Counts) -> Scores:
    """Make sure by the shards' footers that no row disappeared and none is there twice; returns the scores.

    Raises:
        DataError: Other rows lie there than were counted.
    """
    scores = sum(map_places(_scores, shards(folder, "score")), start=scored.NO_SCORES)
    written, rejected = sum(scores.counts), 0
    if counts.accepted < counts.rows:
        footers = map_places(read_footer, shards(folder / REJECTED, "score"))
        rejected = sum(footer.num_rows for footer in footers)
    if counts.rows != written + rejected:
        raise DataError(
            "the predictions",
            expected=f"one for each of {counts.rows:,} rows, or a reason why not",
            got=f"{written:,} predictions and {rejected:,} rejected rows",
            remedy="Run the same command again. If this persists, report it: no row may disappear.",
        )
    return scores


def _scores(file: Place) -> Scores:
    """The distribution of a shard's scores from its footer, which must know each of its rows."""
    footer = read_footer(file, "predict")
    scores = scored.parse_footer(footer.metadata or {})
    if sum(scores.counts) != footer.num_rows:
        raise DataError(
            str(file), expected=f"{footer.num_rows:,} scores counted", got=f"{sum(scores.counts):,}"
        )
    return scores


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
        "scores": scores.content(),
        "rejected": dict(counts.rejected),
        "missing": {name: number for name, number in counts.missing.items() if number},
        "unseen": {name: number for name, number in counts.unseen.items() if number},
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
