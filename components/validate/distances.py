"""How far two distributions of a column lie apart: 0 is equal, 1 is disjoint.

Missing values are a value of their own, as for the model.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.validate.histograms import inner_edges, standard_of
from components.validate.presence import common, valued
from components.validate.settings import ValidateStage
from components.validate.statistics import Statistics, by_name
from configs.rows import Split

Measure = Literal["linf", "js"]
Comparison = Literal["skew", "drift"]


@dataclass(frozen=True)
class Distance:
    """One column, two distributions.

    Args:
        column: The column.
        kind: skew: train against another split of this run; drift: train against train of an earlier run.
        split: The split that is compared.
        measure: linf for categories, js for numbers.
        value: 0 (equal) … 1 (disjoint).
        limit: What it may be.
        ignored: The settings expect it to be large.
    """

    column: str
    kind: Comparison
    split: Split
    measure: Measure
    value: float
    limit: float
    ignored: bool


def l_infinity(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """The largest difference of a value's share: max over v of |p(v) - q(v)|.

    Source: the Chebyshev distance, `infinity_norm` of tensorflow-metadata's schema.proto.

    Args:
        first: Share of the rows by value.
        second: The same; a value that is not there has the share 0.
    """
    return max(
        (abs(first.get(value, 0.0) - second.get(value, 0.0)) for value in {*first, *second}), default=0.0
    )


def jensen_shannon(first: Sequence[float], second: Sequence[float]) -> float:
    """The Jensen-Shannon divergence to the base 2: KL(p‖m)/2 + KL(q‖m)/2 with m = (p + q)/2.

    Source: J. Lin, "Divergence measures based on the Shannon entropy", IEEE Transactions on Information
    Theory 37 (1991), p. 145. (SciPy's `jensenshannon` is its square root.)

    Args:
        first: Rows per bucket; any positive total.
        second: Rows in the same buckets.
    """
    total_first, total_second = sum(first), sum(second)
    if not (total_first and total_second):
        return float(bool(total_first) != bool(total_second))
    divergence = 0.0
    for rows_first, rows_second in zip(first, second, strict=True):
        p, q = rows_first / total_first, rows_second / total_second
        middle = (p + q) / 2
        divergence += sum(share * math.log2(share / middle) for share in (p, q) if share) / 2
    return min(1.0, max(0.0, divergence))


def skews(statistics: Statistics, schema: schema_pb2.Schema, stage: ValidateStage) -> list[Distance]:
    """Train against eval, and against test, of every feature and the label."""
    own_limits = {feature.name: feature.skew_comparator for feature in schema.feature}
    train, rows = statistics.features("train"), statistics.rows("train")
    found = []
    others: tuple[Split, ...] = ("eval", "test")
    for split in others:
        there = statistics.features(split)
        for name in compared(stage):
            if name not in train or name not in there:
                continue
            measured = _measured(
                (train[name], rows, _buckets(train[name])),
                (there[name], statistics.rows(split), _buckets(there[name])),
            )
            if measured:
                limit = _limit(own_limits.get(name), measured[0], stage, "skew")
                found.append(Distance(name, "skew", split, *measured, limit, name in stage.validation.ignore))
    return found


def drifts(
    statistics: Statistics,
    baseline: statistics_pb2.DatasetFeatureStatistics,
    schema: schema_pb2.Schema,
    stage: ValidateStage,
) -> list[Distance]:
    """Train against train of an earlier run, of every feature and the label that both have."""
    own_limits = {feature.name: feature.drift_comparator for feature in schema.feature}
    now, then = statistics.features("train"), by_name(baseline)
    found = []
    for name in compared(stage):
        if name not in now or name not in then:
            continue
        measured = _measured(
            (then[name], int(baseline.num_examples), _buckets(then[name])),
            (now[name], statistics.rows("train"), _recounted(statistics, then[name])),
        )
        if measured:
            limit = _limit(own_limits.get(name), measured[0], stage, "drift")
            found.append(Distance(name, "drift", "train", *measured, limit, name in stage.validation.ignore))
    return found


def compared(stage: ValidateStage) -> tuple[str, ...]:
    """The columns whose distribution matters: what the model sees, and what it learns."""
    return (*stage.features.columns, stage.label.column)


_Side = tuple[statistics_pb2.FeatureNameStatistics, int, Sequence[float]]
"""A column's statistics, the rows of its split, and its rows per bucket if it is a number."""


def _measured(first: _Side, second: _Side) -> tuple[Measure, float] | None:
    """The measure that fits both sides and its value; None where one is a category and the other a number."""
    kinds = {_is_category(first[0]), _is_category(second[0])}
    if kinds == {True}:
        return "linf", round(l_infinity(_shares(*first[:2]), _shares(*second[:2])), 9)
    if kinds == {False}:
        return _numbers(first, second)
    return None


def _numbers(first: _Side, second: _Side) -> tuple[Measure, float] | None:
    columns, rows, buckets = zip(first, second, strict=True)
    if any(column.WhichOneof("stats") == "struct_stats" for column in columns):
        return None
    width = max(map(len, buckets))
    filled = [list(one) or [0.0] * width for one in buckets]
    missing = [total - valued(column) for total, column in zip(rows, columns, strict=True)]
    return "js", round(jensen_shannon([*filled[0], missing[0]], [*filled[1], missing[1]]), 9)


def _is_category(feature: statistics_pb2.FeatureNameStatistics) -> bool:
    return bool(feature.WhichOneof("stats") == "string_stats")


def _shares(feature: statistics_pb2.FeatureNameStatistics, rows: int) -> dict[str, float]:
    """Share of the rows by value; NULL is the empty string, as for the model.

    Values too rare for `datasets.TOP_VALUES` count as absent: none has a share above 1 in 1000.
    """
    found = {top.value: top.frequency / rows for top in feature.string_stats.top_values}
    found[""] = found.get("", 0.0) + common(feature).num_missing / rows
    return found


def _buckets(feature: statistics_pb2.FeatureNameStatistics) -> list[float]:
    histogram = standard_of(feature)
    return [bucket.sample_count for bucket in histogram.buckets] if histogram else []


def _recounted(statistics: Statistics, baseline: statistics_pb2.FeatureNameStatistics) -> Sequence[float]:
    """Rows of the training split in the buckets of an earlier run; none where it has none."""
    points = statistics.train.get(baseline.name)
    return points.counts(inner_edges(baseline)) if points and standard_of(baseline) else ()


def _limit(
    own: schema_pb2.FeatureComparator | None, measure: Measure, stage: ValidateStage, kind: Comparison
) -> float:
    """The column's own limit in the schema, else the settings'."""
    name = {"linf": "infinity_norm", "js": "jensen_shannon_divergence"}[measure]
    if own is not None and own.HasField(name):
        return float(getattr(own, name).threshold)
    return float(getattr(stage.validation, f"{kind}_{measure}"))
