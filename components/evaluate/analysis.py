"""TensorFlow Model Analysis: its evaluator, validator, writers and result folder, on one `EvalConfig`.

Two kinds of extracts lead to the same metrics. `analyze_groups` takes one element for each slice, whose
groups travel as TFMA carries the classes of a multi-label example, with their counts as weights; these bring
their slice keys with them. `analyze_rows` is TFMA as its users know it: every row, by its own extractors.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator
from tensorflow_model_analysis.extractors import extractor, slice_key_extractor
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib
from tensorflow_model_analysis.writers import eval_config_writer, metrics_plots_and_validations_writer

from components.evaluate.frozen import Part
from components.evaluate.preaggregated import PreaggregatedRows, log_losses
from components.evaluate.scoring_pass import ScoringPass, distribute_parts, staged_models
from components.evaluate.slices import Slice, slice_values
from components.evaluate.tfma_metrics import ROWS, loss_column, score_column
from components.shared.beam.counts import Work, count_progress
from components.shared.beam.running import run
from components.shared.beam.staging import staged_output
from components.shared.files.place import Place
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import JobProgress

Metrics = dict[str, float | None]
"""By name; None where a metric is not defined."""
SliceKey = tuple[tuple[str, str | int], ...]
"""As TFMA writes a slice: sorted by column."""


def slice_key(each: Slice) -> SliceKey:
    """The slice as TFMA names it; empty for the whole split."""
    return tuple(sorted(each.named.items()))


Measured = dict[str, dict[SliceKey, Metrics]]
"""For each model, by its name in the configuration, the metrics by slice."""


def analyze_groups(
    folder: Path,
    config: Any,
    models: Mapping[str, Mapping[SliceKey, PreaggregatedRows]],
    options: PipelineOptions,
) -> Measured:
    """Measure each model over each of its slices, here, and write TFMA's results.

    Args:
        folder: The result folder: metrics, validations and the `EvalConfig`.
        config: Models, slices, metrics and thresholds.
        models: The pre-aggregated rows of each model by slice.
        options: Beam's.

    Returns:
        The metrics, read back from what was written.
    """
    keys = next(iter(models.values()))
    extracts = [_slice_extract(key, {name: slices[key] for name, slices in models.items()}) for key in keys]
    # The slice keys are there already, but TFMA asks for their extractor.
    stage_name = slice_key_extractor.SLICE_KEY_EXTRACTOR_STAGE_NAME
    named = extractor.Extractor(stage_name=stage_name, ptransform=beam.Map(lambda extract: extract))
    pipeline = beam.Pipeline(options=options)
    read = pipeline | "Groups" >> beam.Create(extracts, reshuffle=False)
    return _analyze(folder, config, read, [named], lambda: pipeline.run().wait_until_finish())


def analyze_rows(  # noqa: PLR0913, PLR0917 - as `analyze_groups`, and the parts of a pass
    folder: Path,
    config: Any,
    scoring: ScoringPass,
    scorers: Mapping[str, Scorer],
    options: PipelineOptions,
    progress: JobProgress,
) -> Measured:
    """Score every row on Beam's workers and let TFMA measure it there; see `analyze_groups`.

    Raises:
        CloudError: A job on Dataflow is rejected, fails or is cancelled.
        PipelineError: As `scoring_pass.score` raises it, in a local worker.
    """
    work = Work("measure", "measuring rows", scoring.split.rows, progress)
    # TFMA's own extractors take a baseline without a model for a missing one and reject its thresholds.
    specs = {"model_specs": config.model_specs, "slicing_specs": config.slicing_specs}
    extractors = tfma.default_extractors(eval_config=config_pb2.EvalConfig(**specs))
    with staged_models(scorers.values(), options) as models:
        pipeline = beam.Pipeline(options=options)
        score = _ScoreRows(scoring, dict(zip(scorers, models, strict=True)))
        read = distribute_parts(pipeline, scoring.split) | "Score" >> beam.ParDo(score)
        return _analyze(folder, config, read, extractors, lambda: run(pipeline, work))


def _analyze(
    folder: Path, config: Any, extracts: beam.PCollection, extractors: list[Any], execute: Callable[[], Any]
) -> Measured:
    folder.mkdir(parents=True, exist_ok=True)
    evaluator = metrics_plots_and_validations_evaluator.MetricsPlotsAndValidationsEvaluator(config)
    with staged_output(folder, extracts.pipeline.options) as reachable:
        evaluation = extracts | tfma.ExtractAndEvaluate(extractors, [evaluator])
        _ = evaluation | tfma.WriteResults(_writers(reachable, config))
        execute()
    return {model.name: _read(folder, model.name, len(config.model_specs)) for model in config.model_specs}


def _slice_extract(key: SliceKey, models: Mapping[str, PreaggregatedRows]) -> dict[str, Any]:
    """A slice as TFMA's extractors would leave it."""
    keys = np.empty(1, dtype=object)
    keys[0] = key
    rows = next(iter(models.values())).rows.sum()
    losses = {loss_column(name): np.array([groups.loss_sum.sum()]) for name, groups in models.items()}
    return {
        constants.SLICE_KEY_TYPES_KEY: keys,
        constants.LABELS_KEY: _by_model({name: groups.label for name, groups in models.items()}),
        constants.PREDICTIONS_KEY: _by_model({name: groups.score for name, groups in models.items()}),
        constants.EXAMPLE_WEIGHTS_KEY: _by_model(
            {name: groups.rows.astype(np.float64) for name, groups in models.items()}
        ),
        constants.FEATURES_KEY: {**losses, ROWS: np.array([float(rows)])},
    }


def _by_model(values: Mapping[str, Any]) -> Any:
    """TFMA wants no names where there is one model only."""
    return dict(values) if len(values) > 1 else next(iter(values.values()))


class _ScoreRows(beam.DoFn):
    """Row groups in, batches of rows with label, scores, losses and slicing columns out."""

    def __init__(self, scoring: ScoringPass, models: Mapping[str, tuple[Place, str]]) -> None:
        self.scoring, self.models = scoring, models

    def setup(self) -> None:
        self.scorers = {name: Scorer(*model) for name, model in self.models.items()}

    def process(self, keyed: tuple[int, Iterable[Part]]) -> Iterator[dict[str, Any]]:
        settings = self.scoring.stage.evaluation
        sliced = dict.fromkeys(column for columns in settings.slices for column in columns)
        for part in keyed[1]:
            for batch, labels in self.scoring.split.batches(settings.batch_rows, self.scoring.columns, part):
                features: dict[str, Any] = {column: slice_values(batch, column) for column in sliced}
                features |= {self.scoring.split.label: labels, ROWS: np.ones(len(labels))}
                for name, scorer in self.scorers.items():
                    scores = scorer.scores(batch)
                    features |= {score_column(name): scores, loss_column(name): log_losses(scores, labels)}
                yield {constants.FEATURES_KEY: {name: each.reshape(-1, 1) for name, each in features.items()}}
                count_progress(len(labels))


def _writers(folder: Place, config: Any) -> list[Any]:
    """The default writers without the plots and attributions, which are not configured."""
    paths = {key: str(folder / key) for key in (constants.METRICS_KEY, constants.VALIDATIONS_KEY)}
    return [
        eval_config_writer.EvalConfigWriter(str(folder), eval_config=config),
        metrics_plots_and_validations_writer.MetricsPlotsAndValidationsWriter(paths, config),
    ]


def _read(folder: Place, model: str, models: int) -> dict[SliceKey, Metrics]:
    """The metrics of a model in a result folder, by slice."""
    name = model if models > 1 else ""
    return {
        slicer_lib.deserialize_slice_key(found.slice_key): {
            each.key.name: _finite(each.value.double_value.value)
            for each in found.metric_keys_and_values
            if each.key.model_name == name and not each.key.is_diff
        }
        for found in tfma.load_metrics(str(folder))
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
