"""How far two distributions of a column lie apart: 0 is equal, 1 is disjoint.

Missing values are a value of their own, as for the model.
"""

import functools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.validate.datasets import by_name, standard_of, valued
from components.validate.settings import ValidateStage
from components.validate.statistics import Statistics
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


def measure_distances(
    statistics: Statistics,
    accepted: statistics_pb2.DatasetFeatureStatistics | None,
    schema: schema_pb2.Schema,
    stage: ValidateStage,
) -> list[Distance]:
    """Train against eval, against test, and against `accepted`, the training split of an earlier run.

    Of every feature and the label that both sides have.
    """
    train, rows = statistics.features("train"), statistics.rows("train")
    measured = functools.partial(_measured, schema, stage)
    found: list[Distance] = []
    others: tuple[Split, ...] = ("eval", "test")
    for split in others:
        there = statistics.features(split)
        for name in stage.compared:
            if name in train and name in there:
                first = _Side(train[name], rows, _buckets(train[name]))
                second = _Side(there[name], statistics.rows(split), _buckets(there[name]))
                found += measured("skew", split, first, second)
    then = by_name(accepted) if accepted else {}
    for name in stage.compared:
        if accepted and name in then and name in train:
            first = _Side(then[name], int(accepted.num_examples), _buckets(then[name]))
            second = _Side(train[name], rows, _recounted(statistics, then[name]))
            found += measured("drift", "train", first, second)
    return found


class _Side(NamedTuple):
    """A column's statistics, the rows of its split, and its rows per bucket if it is a number."""

    column: statistics_pb2.FeatureNameStatistics
    rows: int
    buckets: Sequence[float]

    @property
    def kind(self) -> str | None:
        kind: str | None = self.column.WhichOneof("stats")
        return kind

    @property
    def missing(self) -> int:
        return self.rows - valued(self.column)


def _measured(  # noqa: PLR0913, PLR0917 - what is compared, and by which limits
    schema: schema_pb2.Schema,
    stage: ValidateStage,
    kind: Comparison,
    split: Split,
    first: _Side,
    second: _Side,
) -> Iterator[Distance]:
    """Their distance by the measure that fits both; none where one is a category and the other a number."""
    name, kinds = first.column.name, {first.kind, second.kind}
    measure: Measure = "linf" if kinds == {"string_stats"} else "js"
    if measure == "linf":
        value = l_infinity(_shares(first), _shares(second))
    elif kinds & {"string_stats", "struct_stats"}:
        return
    else:
        width = max(len(first.buckets), len(second.buckets))
        p, q = ([*(one.buckets or [0.0] * width), one.missing] for one in (first, second))
        value = jensen_shannon(p, q)
    comparators = {feature.name: getattr(feature, f"{kind}_comparator") for feature in schema.feature}
    limit = _limit(comparators.get(name), measure, stage, kind)
    yield Distance(name, kind, split, measure, round(value, 9), limit, name in stage.validation.ignore)


def _shares(side: _Side) -> dict[str, float]:
    """Share of the rows by value; NULL is the empty string, as for the model.

    Values too rare for `datasets.TOP_VALUES` count as absent: none has a share above 1 in 1000.
    """
    strings = side.column.string_stats
    found = {top.value: top.frequency / side.rows for top in strings.top_values}
    found[""] = found.get("", 0.0) + strings.common_stats.num_missing / side.rows
    return found


def _buckets(feature: statistics_pb2.FeatureNameStatistics) -> list[float]:
    histogram = standard_of(feature)
    return [bucket.sample_count for bucket in histogram.buckets] if histogram else []


def _recounted(statistics: Statistics, baseline: statistics_pb2.FeatureNameStatistics) -> Sequence[float]:
    """Rows of the training split in the buckets of an earlier run; none where it has none."""
    points, histogram = statistics.train.get(baseline.name), standard_of(baseline)
    if not points or not histogram:
        return ()
    return points.counts([bucket.high_value for bucket in histogram.buckets[:-1]])


def _limit(
    own: schema_pb2.FeatureComparator | None, measure: Measure, stage: ValidateStage, kind: Comparison
) -> float:
    """The column's own limit in the schema, else the settings'."""
    name = {"linf": "infinity_norm", "js": "jensen_shannon_divergence"}[measure]
    if own is not None and own.HasField(name):
        return float(getattr(own, name).threshold)
    return float(getattr(stage.validation, f"{kind}_{measure}"))
