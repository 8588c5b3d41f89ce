"""Two metrics in TFMA's terms that TFMA does not have; `EvalConfig` names them by this module."""

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.utils import util

ROWS = "rows counted"
"""The feature with how many rows an extract stands for."""


def score_column(model: str) -> str:
    """The feature with the scores of a model; a space, so that no column of a query has the name."""
    return f"{model} score"


def loss_column(model: str) -> str:
    """The feature with the sum of the log losses of a model."""
    return f"{model} log loss"


class LogLoss(metric_types.Metric):
    """The mean of log losses that are computed with the scores, cut where a score is 0 or 1."""

    def __init__(self, name: str = "log_loss") -> None:
        super().__init__(metric_util.merge_per_key_computations(_log_loss), name=name)


class DistanceFromOne(metric_types.Metric):
    """How far another metric is from 1, so that a threshold can be set on it."""

    def __init__(self, of: str, name: str) -> None:
        super().__init__(metric_util.merge_per_key_computations(_distance), of=of, name=name)


def _log_loss(name: str, eval_config: Any, model_name: str, example_weighted: bool) -> list[Any]:
    key = metric_types.MetricKey(name=name, model_name=model_name, example_weighted=example_weighted)
    column = loss_column(model_name or eval_config.model_specs[0].name)
    features = metric_types.StandardMetricInputsPreprocessor(
        include_filter={constants.FEATURES_KEY: {column: {}, ROWS: {}}}, include_default_inputs=False
    )
    return [metric_types.MetricComputation(keys=[key], preprocessors=[features], combiner=_Mean(key, column))]


class _Mean(beam.CombineFn):
    """The sum of a feature over the number of rows."""

    def __init__(self, key: Any, column: str) -> None:
        self._key, self._column = key, column

    def create_accumulator(self) -> tuple[float, float]:
        return 0.0, 0.0

    def add_input(self, before: tuple[float, float], element: Any) -> tuple[float, float]:
        total, rows = (
            float(util.get_by_keys(element, [constants.FEATURES_KEY, name]).sum())
            for name in (self._column, ROWS)
        )
        return before[0] + total, before[1] + rows

    def merge_accumulators(self, several: Iterable[tuple[float, float]]) -> tuple[float, float]:
        totals, rows = zip(*several, strict=True)
        return sum(totals), sum(rows)

    def extract_output(self, sums: tuple[float, float]) -> dict[Any, float]:
        return {self._key: sums[0] / sums[1] if sums[1] else float("nan")}


def _distance(of: str, name: str, model_name: str, example_weighted: bool) -> list[Any]:
    key, other = (
        metric_types.MetricKey(name=each, model_name=model_name, example_weighted=example_weighted)
        for each in (name, of)
    )

    def result(metrics: Mapping[Any, Any]) -> dict[Any, float]:
        return {key: abs(float(metrics[other]) - 1.0)}

    return [metric_types.DerivedMetricComputation(keys=[key], result=result)]
