"""What is known of a split as tensorflow-metadata's `DatasetFeatureStatistics`.

- `num_missing` counts NULL only. NaN is `num_nan` of the standard histogram (of a category: the custom
  statistic `nan`); the custom statistics `infinite` (beyond float32), `empty` (empty strings) and
  `out_of_range` (outside the schema's range) count the rest. Minimum, mean, deviation (of the
  population) and quantiles are those of the finite values.
- Columns that are categories have string statistics whatever their type, as TensorFlow Data Validation
  has it.
- Where a column has too many distinct values to be exact, custom statistics say how far off it may be:
  `quantile_error` (of ranks and histograms' borders, as a share of the finite values), `frequency_error`
  (of the rows of a top value, as a share of all rows) and `unique_error` (relative standard error).
- Histograms have the same buckets for every split: [low, high), the last one [low, high]. The inner edges
  come from the training split alone; the first and the last bucket reach to the smallest and the largest
  value of any split. So an outlier widens an end bucket and no other, and distances compare like with like.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.validate.categories import Categories
from components.validate.numbers import Numbers, Points
from components.validate.parts import Part
from components.validate.queries import Kind

TOP_VALUES = 1000
"""Of each category, not counting the values of its domain."""
BUCKETS = 20
"""Between the 1st and the 99th percentile of the training split; two more reach to the ends."""
DECILES = tuple(i / 10 for i in range(11))
_BODY = (0.01, 0.99)
"""Between these quantiles lies the body of a distribution."""
_TYPES: Mapping[Kind, str] = {
    "integer": "INT",
    "boolean": "INT",
    "time": "INT",
    "float": "FLOAT",
    "string": "STRING",
    "bytes": "BYTES",
    "nested": "STRUCT",
}

Edges = tuple[float, ...]
"""The borders of buckets, ascending; the inner ones are two fewer."""
_Feature: TypeAlias = statistics_pb2.FeatureNameStatistics


def dataset(part: Part, edges: Mapping[str, Edges]) -> statistics_pb2.DatasetFeatureStatistics:
    """The statistics of a split; the borders of the histograms' buckets by column."""
    message = statistics_pb2.DatasetFeatureStatistics(name=part.split, num_examples=part.rows)
    for name, column in part.columns.items():
        feature, summary = message.features.add(name=name, type=_TYPES[column.kind]), part.summaries[name]
        numbers, categories = summary.numbers, summary.categories
        if numbers:
            nan = numbers.nan if categories else 0
            counted = {"infinite": numbers.infinite, "out_of_range": numbers.outside, "nan": nan}
            _fill_custom(feature, counted)
        if categories:
            _fill_strings(feature, categories, part.rows)
        elif numbers:
            _fill_numbers(feature, numbers, part.points.get(name), edges.get(name, ()))
        else:
            feature.struct_stats.SetInParent()
        counts, present = common(feature), summary.present
        counts.num_non_missing, counts.num_missing = present, part.rows - present
        counts.tot_num_values = present
        if present:
            counts.min_num_values, counts.max_num_values, counts.avg_num_values = 1, 1, 1.0
    return message


def _fill_custom(feature: _Feature, figures: Mapping[str, float]) -> None:
    for name, figure in figures.items():
        if figure:
            feature.custom_stats.add(name=name, num=figure)


def _fill_numbers(feature: _Feature, numbers: Numbers, points: Points | None, edges: Edges) -> None:
    message, kinds = feature.num_stats, statistics_pb2.Histogram
    message.num_zeros = numbers.zeros
    if points is None:
        message.histograms.add(type=kinds.STANDARD, num_nan=numbers.nan)
        return
    counts = points.counts(edges[1:-1])
    message.histograms.append(_histogram(edges, counts, type=kinds.STANDARD, num_nan=numbers.nan))
    message.min, message.max = numbers.low, numbers.high
    message.mean, message.std_dev = numbers.mean(points.total), numbers.deviation(points.total)
    deciles = [numbers.low, *map(points.quantile, DECILES[1:-1]), numbers.high]
    message.median = deciles[len(deciles) // 2]
    equal = [points.total / (len(deciles) - 1)] * (len(deciles) - 1)
    message.histograms.append(_histogram(deciles, equal, type=kinds.QUANTILES))
    _fill_custom(feature, {"quantile_error": points.error / points.total})


def _histogram(edges: Sequence[float], counts: Sequence[float], **figures: Any) -> statistics_pb2.Histogram:
    histogram = statistics_pb2.Histogram(**figures)
    for (low, high), rows in zip(pairwise(edges), counts, strict=True):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=rows)
    return histogram


def _fill_strings(feature: _Feature, categories: Categories, rows: int) -> None:
    message, frequent = feature.string_stats, categories.frequent
    message.unique = categories.distinct.count
    _fill_custom(feature, {"empty": categories.empty})
    if categories.distinct.total:
        message.avg_length = categories.characters / categories.distinct.total
    for rank, (value, count) in enumerate(frequent.top(TOP_VALUES + len(frequent.pinned))):
        message.top_values.add(value=value, frequency=count)
        message.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=value, sample_count=count)
    errors = {"frequency_error": frequent.error / rows, "unique_error": categories.distinct.error}
    _fill_custom(feature, errors)


def inner_edges(kind: Kind, low: float, high: float, points: Points) -> Edges:
    """Inner edges of equal width over the body of a distribution.

    Args:
        kind: Integers get edges halfway between them, and buckets of a whole number of integers.
        low: The smallest value.
        high: The largest value; no edge for a constant.
        points: The distribution, of which the 1st and the 99th percentile are the ends of the body.
    """
    first, last = map(points.quantile, _BODY)
    if not first < last:
        first, last = low, high
    if kind in ("integer", "boolean"):
        first, last = math.floor(first), math.ceil(last)
        width = max(1, math.ceil((last - first + 1) / BUCKETS))
        ticks = [first - 0.5 + i * width for i in range(BUCKETS + 2) if i * width <= last - first + 1]
    else:
        ticks = [first + (last - first) * i / BUCKETS for i in range(BUCKETS + 1)]
    return tuple(sorted({tick for tick in ticks if low < tick < high}))


# --- what a dataset says of a column ------------------------------------------------------------


def by_name(dataset: statistics_pb2.DatasetFeatureStatistics) -> dict[str, _Feature]:
    """The columns' statistics of a dataset, by name."""
    return {feature.name: feature for feature in dataset.features}


def custom(feature: _Feature, name: str) -> float:
    """A custom statistic; 0 where it was not needed."""
    return next((float(one.num) for one in feature.custom_stats if one.name == name), 0.0)


def standard_of(feature: _Feature) -> statistics_pb2.Histogram | None:
    """The standard histogram of a column, if it has one."""
    standard = statistics_pb2.Histogram.STANDARD
    return next((one for one in feature.num_stats.histograms if one.type == standard), None)


def common(feature: _Feature) -> statistics_pb2.CommonStatistics:
    """The counts that every kind of column has."""
    kind = feature.WhichOneof("stats") or "num_stats"
    return getattr(feature, kind).common_stats


def not_a_number(feature: _Feature) -> int:
    """Values that are NaN."""
    histogram = standard_of(feature)
    return int(histogram.num_nan if histogram else custom(feature, "nan"))


def valued(feature: _Feature) -> int:
    """Rows with a value; NULL, NaN, infinities and empty strings are missing, as for the model."""
    gone = not_a_number(feature) + custom(feature, "infinite") + custom(feature, "empty")
    return int(common(feature).num_non_missing - gone)


def presence(feature: _Feature, rows: int) -> float:
    """The share of rows with a value."""
    return valued(feature) / rows if rows else 0.0
