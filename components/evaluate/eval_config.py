"""What is evaluated, in TFMA's own messages: models, slices, metrics and the gates as thresholds."""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorflow_model_analysis.proto import config_pb2

from components.evaluate.preaggregated import BySlice
from components.evaluate.slices import OVERALL, Columns, Slice, SliceBook
from components.evaluate.tfma_metrics import score_column
from configs.evaluation import Gate
from configs.metrics import EQUAL, METRICS, Metric

ROLES = CANDIDATE, CHAMPION = "candidate", "champion"
EXAMPLE_COUNT = "example_count"


@dataclass(frozen=True)
class Measure:
    """How metrics are computed: from which label, with so many bins, at which operating threshold."""

    label: str
    bins: int
    threshold: float


@dataclass(frozen=True)
class Defined:
    """Where metrics are defined, so that TFMA does not judge what does not exist.

    Args:
        judged: For each metric, the slices on which the candidate's value is judged.
        unjudged: For each metric, the columns of slicings with slices on which it is not.
        champion: The metrics of the champion on the whole split; None: there is no champion.
    """

    judged: Mapping[str, Sequence[Slice]]
    unjudged: Mapping[str, Collection[Columns]]
    champion: Collection[str] | None = None


def where_defined(models: Mapping[str, BySlice], book: SliceBook, min_rows: int) -> Defined:
    """Where the metrics are defined: the candidate's on large slices, the champion's on the whole split."""
    candidate = models[CANDIDATE]
    defined = {
        number: candidate[number].defined_metrics if candidate[number].counts["rows"] >= min_rows else set()
        for number in book.ordered()
    }
    unjudged: dict[str, set[Columns]] = {
        name: {book.slices[number].columns for number, names in defined.items() if name not in names}
        for name in METRICS
    }
    judged = {
        name: [book.slices[number] for number, names in defined.items() if name in names] for name in METRICS
    }
    champion = models[CHAMPION][OVERALL].defined_metrics if CHAMPION in models else None
    return Defined(judged, unjudged, champion)


def eval_config(
    models: Sequence[str],
    slicings: Sequence[Columns],
    measure: Measure,
    gates: Sequence[Gate],
    where: Defined,
) -> Any:
    """TFMA's configuration of an evaluation; a JSON of it lies in the result folder.

    Args:
        models: `candidate`, and `champion` where there is one: it is the baseline of changes.
        slicings: The columns of each slicing; the whole split is always evaluated.
        measure: How metrics are computed.
        gates: What the candidate must reach; each rule becomes a threshold.
        where: Where the metrics are defined.
    """
    models_ = [
        config_pb2.ModelSpec(
            name=name,
            label_key=measure.label,
            prediction_key=score_column(name),
            is_baseline=name == CHAMPION,
        )
        for name in models
    ]
    metrics = [_metric_config(metric, measure) for metric in METRICS.values()]
    for metric in dict.fromkeys(METRICS[gate.metric] for gate in gates):
        if metric.better == "closest to 1":  # its distance, which a gate is on, is a metric of its own
            distance, module = _judged_name(metric), "components.evaluate.tfma_metrics"
            metrics.append(_config("DistanceFromOne", distance, module, of=metric.name))
    by_name = {json.loads(metric.config)["name"]: metric for metric in metrics}
    for gate in gates:
        thresholds = _thresholds(gate, METRICS[gate.metric], where)
        by_name[_judged_name(METRICS[gate.metric])].per_slice_thresholds.extend(thresholds)
    metrics.append(_config("ExampleCount", EXAMPLE_COUNT))
    spec = config_pb2.MetricsSpec(
        metrics=metrics,
        model_names=models if len(models) > 1 else [],
        example_weights=config_pb2.ExampleWeightOptions(weighted=True),
    )
    slices = [
        config_pb2.SlicingSpec(),
        *(config_pb2.SlicingSpec(feature_keys=columns) for columns in slicings),
    ]
    return config_pb2.EvalConfig(model_specs=models_, slicing_specs=slices, metrics_specs=[spec])


def _metric_config(metric: Metric, measure: Measure) -> Any:
    parameters: dict[str | None, dict[str, Any]] = {
        "curve": {"num_thresholds": measure.bins},
        # TFMA counts a score above the threshold as positive, we one at or above it.
        "operating": {"thresholds": [math.nextafter(measure.threshold, -1.0)]},
        None: {},
    }
    return _config(metric.tfma, metric.name, metric.module, **parameters[metric.thresholds])


def _config(kind: str, name: str, module: str = "", **parameters: Any) -> Any:
    config = json.dumps({"name": name, **parameters})
    return config_pb2.MetricConfig(class_name=kind, module=module, config=config)


def _judged_name(metric: Metric) -> str:
    """The metric that a threshold is set on."""
    return f"{metric.name}_distance" if metric.better == "closest to 1" else metric.name


def _thresholds(gate: Gate, metric: Metric, where: Defined) -> Iterator[Any]:
    """The rules of a gate; one that cannot be applied is left out, as the gate lets it pass."""
    overall = config_pb2.MetricThreshold()
    if gate.floor is not None:
        overall.value_threshold.CopyFrom(_value(metric, gate.floor))
    if gate.max_regression is not None and metric.name in (where.champion or ()):
        overall.change_threshold.CopyFrom(_change(metric, gate.max_regression))
    if overall.ByteSize():
        yield config_pb2.PerSliceMetricThreshold(slicing_specs=[config_pb2.SlicingSpec()], threshold=overall)
    if gate.slice_floor is not None and (specs := list(_judged_slices(metric.name, where))):
        limit = config_pb2.MetricThreshold(value_threshold=_value(metric, gate.slice_floor))
        yield config_pb2.PerSliceMetricThreshold(slicing_specs=specs, threshold=limit)


def _value(metric: Metric, floor: float) -> Any:
    """At least the floor, or at most it, where lower is better."""
    bound = config_pb2.GenericValueThreshold()
    if metric.better == "higher":
        bound.lower_bound.value = -(metric.limit(floor) + EQUAL)
    else:
        bound.upper_bound.value = metric.limit(floor) + EQUAL
    return bound


def _change(metric: Metric, allowed: float) -> Any:
    """No worse than the baseline by more than what is allowed."""
    change = config_pb2.GenericChangeThreshold()
    worse = allowed + EQUAL
    higher = metric.better == "higher"
    change.direction = config_pb2.HIGHER_IS_BETTER if higher else config_pb2.LOWER_IS_BETTER
    change.absolute.value = -worse if higher else worse
    return change


def _judged_slices(metric: str, where: Defined) -> Iterator[Any]:
    """A spec for each slicing that is judged in all its slices; else one for each slice that is."""
    whole: dict[Columns, None] = {}
    for each in where.judged[metric]:
        if each.columns in where.unjudged[metric]:
            values = {name: str(value) for name, value in each.named.items()}
            yield config_pb2.SlicingSpec(feature_values=values)
        else:
            whole[each.columns] = None
    yield from (config_pb2.SlicingSpec(feature_keys=columns) for columns in whole)
