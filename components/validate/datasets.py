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
"""

from collections.abc import Mapping

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.validate import histograms
from components.validate.columns import Kind
from components.validate.histograms import DECILES, Edges
from components.validate.parts import Part
from components.validate.quantiles import Points
from components.validate.summaries import Categories, Numbers

TOP_VALUES = 1000
"""Of each category, not counting the values of its domain."""

_TYPES: Mapping[Kind, str] = {
    "integer": "INT",
    "boolean": "INT",
    "time": "INT",
    "float": "FLOAT",
    "string": "STRING",
    "bytes": "BYTES",
    "nested": "STRUCT",
}


def dataset(
    part: Part, inner: Mapping[str, Edges], ends: Mapping[str, tuple[float, float]]
) -> statistics_pb2.DatasetFeatureStatistics:
    """The statistics of a split.

    Args:
        part: The whole split.
        inner: The inner edges of the histograms, by column.
        ends: Their first and last edge.
    """
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
            common = feature.string_stats.common_stats
        elif numbers:
            _fill_numbers(feature, numbers, part.points.get(name))
            if name in part.points:
                counts = part.points[name].counts(inner.get(name, ()))
                histogram = histograms.standard(counts, inner.get(name, ()), ends[name], numbers.nan)
                feature.num_stats.histograms.insert(0, histogram)
            common = feature.num_stats.common_stats
        else:
            common = feature.struct_stats.common_stats
        _fill_common(common, summary.present, part.rows)
    return message


def _fill_custom(feature: statistics_pb2.FeatureNameStatistics, figures: Mapping[str, float]) -> None:
    for name, figure in figures.items():
        if figure:
            feature.custom_stats.add(name=name, num=figure)


def _fill_common(common: statistics_pb2.CommonStatistics, present: int, rows: int) -> None:
    common.num_non_missing, common.num_missing, common.tot_num_values = present, rows - present, present
    if present:
        common.min_num_values, common.max_num_values, common.avg_num_values = 1, 1, 1.0


def _fill_numbers(
    feature: statistics_pb2.FeatureNameStatistics, numbers: Numbers, points: Points | None
) -> None:
    message = feature.num_stats
    message.num_zeros = numbers.zeros
    if points is None:
        message.histograms.add(type=statistics_pb2.Histogram.STANDARD, num_nan=numbers.nan)
        return
    message.min, message.max = numbers.low, numbers.high
    message.mean, message.std_dev = numbers.mean(points.total), numbers.deviation(points.total)
    deciles = [numbers.low, *map(points.quantile, DECILES[1:-1]), numbers.high]
    message.median = deciles[len(deciles) // 2]
    message.histograms.append(histograms.quantiles(deciles, points.total))
    _fill_custom(feature, {"quantile_error": points.error / points.total})


def _fill_strings(feature: statistics_pb2.FeatureNameStatistics, categories: Categories, rows: int) -> None:
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
