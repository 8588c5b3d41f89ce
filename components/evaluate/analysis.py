"""TensorFlow Model Analysis over grouped rows: its own metrics, evaluator, writer and result folder.

TFMA takes one example for each group with the group's count as weight; all groups of a slice travel
in one extract, as TFMA carries the classes of a multi-label example, which costs Beam one element a
slice. The extracts bring their slice keys with them, in the place of TFMA's slice key extractor.
"""

import contextlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator
from tensorflow_model_analysis.extractors import extractor, slice_key_extractor
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.slicer import slicer_lib
from tensorflow_model_analysis.writers import eval_config_writer, metrics_plots_and_validations_writer

from components.evaluate.grouping import Groups
from components.evaluate.slices import Slice
from components.shared.beam.options import pipeline_options
from components.shared.beam.staging import collected
from configs.metrics import METRICS
from configs.places import Beam

Metrics = dict[str, float | None]
"""By the names below; None where a metric is not defined."""
SliceKey = tuple[tuple[str, str | int], ...]
"""As TFMA writes a slice: sorted by column."""

_COUNT = "example_count"


class Measure(NamedTuple):
    """How it is measured."""

    label: str
    bins: int
    threshold: float


def slice_key(each: Slice) -> SliceKey:
    """The slice as TFMA names it; empty for the whole split."""
    return tuple(sorted(each.named.items()))


def analyze(
    models: Mapping[Path, Mapping[SliceKey, Groups]], measure: Measure, options: Beam
) -> dict[Path, dict[SliceKey, Metrics]]:
    """Measure each model over each of its slices, and write TFMA's results.

    Args:
        models: For each result folder, the groups by slice; their places are the intervals between
            `measure.bins` thresholds.
        measure: Thresholds.
        options: Beam's.

    Returns:
        For each result folder the metrics by slice, read back from what was written.
    """
    config, told = eval_config(measure), pipeline_options(options)
    with contextlib.ExitStack() as places, beam.Pipeline(options=told) as pipeline:
        for folder, slices in models.items():
            reachable = places.enter_context(collected(folder, told))
            extracts = [_extract(key, groups) for key, groups in slices.items()]
            name = folder.name
            evaluation = (
                pipeline
                | f"{name}: groups" >> beam.Create(extracts, reshuffle=False)
                | f"{name}: evaluate" >> tfma.ExtractAndEvaluate(*_stages(config))
            )
            evaluation | f"{name}: write" >> tfma.WriteResults(_writers(reachable, config))
    return {folder: _read(folder) for folder in models}


def eval_config(measure: Measure) -> Any:
    """TFMA's configuration; a JSON of it lies in the result folder."""
    parameters: dict[str | None, dict[str, Any]] = {
        "curve": {"num_thresholds": measure.bins},
        # TFMA counts a score above the threshold as positive, we one at or above it.
        "operating": {"thresholds": [math.nextafter(measure.threshold, -1.0)]},
        None: {},
    }
    weighted = [
        *(
            _metric(metric.tfma, metric.name, **parameters[metric.thresholds])
            for metric in METRICS.values()
            if metric.tfma != "Mean"
        ),
        _metric("ExampleCount", _COUNT),
    ]
    mean_loss = _metric(
        "Mean",
        "log_loss",
        feature_key_path=[constants.FEATURES_KEY, "log_loss"],
        example_weights_key_path=[constants.FEATURES_KEY, "rows"],
    )
    return config_pb2.EvalConfig(
        model_specs=[config_pb2.ModelSpec(label_key=measure.label, prediction_key="score")],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=weighted, example_weights=config_pb2.ExampleWeightOptions(weighted=True)
            ),
            config_pb2.MetricsSpec(metrics=[mean_loss]),
        ],
    )


def _metric(kind: str, name: str, **config: Any) -> Any:
    return config_pb2.MetricConfig(class_name=kind, config=json.dumps({"name": name, **config}))


def _extract(key: SliceKey, groups: Groups) -> dict[str, Any]:
    """A slice as TFMA's extractors would leave it."""
    rows = groups.rows.astype(np.float64)
    keys = np.empty(1, dtype=object)
    keys[0] = key
    return {
        constants.SLICE_KEY_TYPES_KEY: keys,
        constants.LABELS_KEY: groups.label,
        constants.PREDICTIONS_KEY: groups.score,
        constants.EXAMPLE_WEIGHTS_KEY: rows,
        constants.FEATURES_KEY: {
            "log_loss": np.array([groups.loss_sum.sum() / rows.sum()]),
            "rows": np.array([rows.sum()]),
        },
    }


def _stages(config: Any) -> tuple[list[Any], list[Any]]:
    """Extractors and evaluators: the slice keys are there already, the metrics follow them."""
    keys_are_there = extractor.Extractor(
        stage_name=slice_key_extractor.SLICE_KEY_EXTRACTOR_STAGE_NAME, ptransform=beam.Map(_as_it_is)
    )
    evaluator = metrics_plots_and_validations_evaluator.MetricsPlotsAndValidationsEvaluator(config)
    return [keys_are_there], [evaluator]


def _as_it_is(extract: dict[str, Any]) -> dict[str, Any]:
    return extract


def _writers(folder: Path, config: Any) -> list[Any]:
    """The default writers without the plots, attributions and validations that are not asked for."""
    return [
        eval_config_writer.EvalConfigWriter(str(folder), eval_config=config),
        metrics_plots_and_validations_writer.MetricsPlotsAndValidationsWriter(
            {constants.METRICS_KEY: str(folder / constants.METRICS_KEY)}, config
        ),
    ]


def _read(folder: Path) -> dict[SliceKey, Metrics]:
    """The metrics of a result folder, by slice."""
    return {
        slicer_lib.deserialize_slice_key(found.slice_key): {
            each.key.name: _finite(each.value.double_value.value) for each in found.metric_keys_and_values
        }
        for found in tfma.load_metrics(str(folder))
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
