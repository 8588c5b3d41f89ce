"""How much of a column is there for the model: NULL, NaN, infinities and empty strings are missing."""

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.validate.histograms import standard_of
from components.validate.statistics import custom


def common(feature: statistics_pb2.FeatureNameStatistics) -> statistics_pb2.CommonStatistics:
    """The counts that every kind of column has."""
    kind = feature.WhichOneof("stats") or "num_stats"
    return getattr(feature, kind).common_stats


def not_a_number(feature: statistics_pb2.FeatureNameStatistics) -> int:
    """Values that are NaN."""
    histogram = standard_of(feature)
    return int(histogram.num_nan if histogram else custom(feature, "nan"))


def valued(feature: statistics_pb2.FeatureNameStatistics) -> int:
    """Rows with a value that is neither missing nor as good as missing."""
    gone = not_a_number(feature) + custom(feature, "infinite") + custom(feature, "empty")
    return int(common(feature).num_non_missing - gone)


def presence(feature: statistics_pb2.FeatureNameStatistics, rows: int) -> float:
    """The share of rows with a value."""
    return valued(feature) / rows if rows else 0.0
