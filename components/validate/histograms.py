"""Histograms with the same buckets for every split.

Buckets are [low, high), the last one [low, high]. The inner edges come from the training split alone;
the first and the last bucket reach to the smallest and the largest value of any split. So an outlier
widens an end bucket and no other, and distances between splits compare like with like.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.validate.columns import Kind
from components.validate.quantiles import Points

BUCKETS = 20
"""Between the 1st and the 99th percentile of the training split; two more reach to the ends."""

DECILES = tuple(i / 10 for i in range(11))
BODY = (0.01, 0.99)
"""Between these quantiles lies the body of a distribution."""

Edges = tuple[float, ...]
"""The inner edges, ascending: one fewer than the buckets."""


def edges(kind: Kind, low: float, high: float, points: Points) -> Edges:
    """Inner edges of equal width over the body of a distribution.

    Args:
        kind: Integers get edges halfway between them, and buckets of a whole number of integers.
        low: The smallest value.
        high: The largest value; no edge for a constant.
        points: The distribution, of which the 1st and the 99th percentile are the ends of the body.
    """
    first, last = map(points.quantile, BODY)
    if not first < last:
        first, last = low, high
    if kind in ("integer", "boolean"):
        first, last = math.floor(first), math.ceil(last)
        width = max(1, math.ceil((last - first + 1) / BUCKETS))
        ticks = [first - 0.5 + i * width for i in range(BUCKETS + 2) if i * width <= last - first + 1]
    else:
        ticks = [first + (last - first) * i / BUCKETS for i in range(BUCKETS + 1)]
    return tuple(sorted({tick for tick in ticks if low < tick < high}))


def standard(
    bucket_counts: Sequence[int], inner: Edges, ends: tuple[float, float], nan: int
) -> statistics_pb2.Histogram:
    """The histogram as a message."""
    histogram = statistics_pb2.Histogram(type=statistics_pb2.Histogram.STANDARD, num_nan=nan)
    for (low, high), rows in zip(pairwise((ends[0], *inner, ends[1])), bucket_counts, strict=True):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=rows)
    return histogram


def quantiles(deciles: Sequence[float], rows: int) -> statistics_pb2.Histogram:
    """Buckets of equal weight between the deciles."""
    histogram = statistics_pb2.Histogram(type=statistics_pb2.Histogram.QUANTILES)
    for low, high in pairwise(deciles):
        histogram.buckets.add(low_value=low, high_value=high, sample_count=rows / (len(deciles) - 1))
    return histogram


def standard_of(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.Histogram | None:
    """The standard histogram of a column, if it has one."""
    for histogram in feature.num_stats.histograms:
        if histogram.type == statistics_pb2.Histogram.STANDARD:
            return histogram
    return None


def inner_edges(feature: statistics_pb2.FeatureNameStatistics) -> Edges:
    """The inner edges of a column's standard histogram; none without one."""
    histogram = standard_of(feature)
    return tuple(bucket.high_value for bucket in histogram.buckets[:-1]) if histogram else ()
