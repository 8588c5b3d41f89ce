"""Statistics of the rows, one dataset a split, as tensorflow-metadata's `DatasetFeatureStatisticsList`.

- `num_missing` counts NULL only. NaN is `num_nan` of the standard histogram (of a category: the custom
  statistic `nan`); the custom statistics `infinite` (beyond float32), `empty` (empty strings) and
  `out_of_range` (outside the schema's range) count the rest. Minimum, mean, deviation (of the
  population) and quantiles are those of the finite values.
- Columns that are categories have string statistics whatever their type, as TensorFlow Data Validation
  has it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.shared.files.artifacts import shards
from components.shared.stage.recording import Progress
from components.validate import histograms, queries
from components.validate.columns import Column, Kind, describe
from configs.errors import EmptySplitError
from configs.rows import SPLITS, Split

TOP_VALUES = 1000
"""Kept of each category, beside the values of its domain."""
QUANTILE_ROWS = 1_000_000
"""Quantiles of a longer split are those of every n-th row: the engine holds their values in memory."""

_TYPES: Mapping[Kind, str] = {
    "integer": "INT",
    "boolean": "INT",
    "time": "INT",
    "float": "FLOAT",
    "string": "STRING",
    "bytes": "BYTES",
    "nested": "STRUCT",
}


@dataclass(frozen=True)
class Request:
    """What is asked beyond the columns' own figures.

    Args:
        categories: Columns whose values are counted one by one although they are numbers.
        ranges: Limits, both inclusive; the values outside are counted.
        domain_sizes: How many values of a column are kept beside the `TOP_VALUES`.
        baseline_edges: Inner histogram edges of an earlier run, by column.
        quantile_rows: See `QUANTILE_ROWS`.
    """

    categories: Collection[str] = ()
    ranges: Mapping[str, queries.Range] = field(default_factory=dict)
    domain_sizes: Mapping[str, int] = field(default_factory=dict)
    baseline_edges: Mapping[str, histograms.Edges] = field(default_factory=dict)
    quantile_rows: int = QUANTILE_ROWS


@dataclass(frozen=True)
class Statistics:
    """What was computed.

    Args:
        datasets: One a split, named like it.
        columns: The columns of each split, in order.
        train_on_baseline: Rows of the training split in the buckets of the earlier run, by column.
    """

    datasets: statistics_pb2.DatasetFeatureStatisticsList
    columns: Mapping[Split, Mapping[str, Column]]
    train_on_baseline: Mapping[str, Sequence[int]]

    def rows(self, split: Split) -> int:
        """Rows of a split."""
        return int(self.datasets.datasets[SPLITS.index(split)].num_examples)

    def features(self, split: Split) -> dict[str, statistics_pb2.FeatureNameStatistics]:
        """The columns' statistics of a split, by name."""
        return by_name(self.datasets.datasets[SPLITS.index(split)])


@dataclass(frozen=True)
class _Part:
    """A split after the first passes; figures by column."""

    split: Split
    files: Sequence[Path]
    columns: Mapping[str, Column]
    rows: int
    moments: Mapping[str, queries.Row]
    quantiles: Mapping[str, Sequence[float] | None]
    categories: Mapping[str, queries.Row]


def compute(engine: queries.Engine, rows: Path, request: Request, progress: Progress) -> Statistics:
    """The statistics of a rows artifact.

    Raises:
        EmptySplitError: A split without rows.
        UnreadableFileError: A shard that is not Parquet, or shards that do not fit together.
        SettingsError: The engine may take too little memory.
        NoSpaceError: It spilled until the disk was full.
    """
    parts: list[_Part] = []
    steps = 2 * len(SPLITS)
    try:
        for split in SPLITS:
            progress("statistics", len(parts), steps)
            parts.append(_measure(engine, rows, split, request))
        own = _edges(parts[0])
        datasets, on_baseline = statistics_pb2.DatasetFeatureStatisticsList(), {}
        for part in parts:
            progress("histograms", len(parts) + len(datasets.datasets), steps)
            baseline = request.baseline_edges if part.split == "train" else {}
            binned, recounted = _bin(engine, part, own, baseline)
            on_baseline.update(recounted)
            datasets.datasets.append(_dataset(part, parts, own, binned))
    except queries.EXPLAINED as error:
        raise queries.translate_statistics_error(error, rows) from error
    progress("histograms", steps, steps)
    return Statistics(datasets, {part.split: part.columns for part in parts}, on_baseline)


def by_name(
    dataset: statistics_pb2.DatasetFeatureStatistics,
) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    """The columns' statistics of a dataset, by name."""
    return {feature.name: feature for feature in dataset.features}


def custom(feature: statistics_pb2.FeatureNameStatistics, name: str) -> float:
    """A custom statistic; 0 where it was not needed."""
    return next((float(one.num) for one in feature.custom_stats if one.name == name), 0.0)


def _measure(engine: queries.Engine, rows: Path, split: Split, request: Request) -> _Part:
    """The passes that need nothing but the split itself."""
    files = shards(rows, split)
    count = queries.row_count(engine, files) if files else 0
    if not count:
        raise EmptySplitError(f"split '{split}'", expected="at least one row", got="none", remedy=_EMPTY)
    columns = describe(engine.connection, files, request.categories)
    numbers = [column for column in columns.values() if column.is_number and not column.as_category]
    categories = [column for column in columns.values() if column.as_category]
    every = max(1, -(-count // request.quantile_rows))
    return _Part(
        split=split,
        files=files,
        columns=columns,
        rows=count,
        moments=queries.moments(engine, files, list(columns.values()), request.ranges),
        quantiles=queries.quantiles(engine, files, numbers, every),
        categories=queries.categories(
            engine,
            files,
            categories,
            lambda column: TOP_VALUES + request.domain_sizes.get(column.name, 0),
        ),
    )


_EMPTY = "Move the borders of the section `split`, or look at what the query returns."


def _edges(train: _Part) -> dict[str, histograms.Edges]:
    """The inner edges of every number, from the training split."""
    found: dict[str, histograms.Edges] = {}
    for name, quantiles in train.quantiles.items():
        figures = train.moments[name]
        if quantiles:
            body = (quantiles[0], quantiles[-1])
            found[name] = histograms.edges(train.columns[name].kind, figures["low"], figures["high"], body)
    return found


def _bin(
    engine: queries.Engine,
    part: _Part,
    own: Mapping[str, histograms.Edges],
    baseline: Mapping[str, histograms.Edges],
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Rows per bucket of this run's edges and of the baseline's, from one pass over the union of both."""
    numbers = [part.columns[name] for name in part.quantiles]
    fine = {
        column.name: histograms.union(own.get(column.name, ()), baseline.get(column.name, ()))
        for column in numbers
    }
    counted = queries.bins(engine, part.files, numbers, fine)
    here = {
        name: histograms.regrouped(counts, fine[name], own.get(name, ())) for name, counts in counted.items()
    }
    there = {
        name: histograms.regrouped(counted[name], fine[name], edges)
        for name, edges in baseline.items()
        if name in counted
    }
    return here, there


def _dataset(
    part: _Part,
    parts: Sequence[_Part],
    own: Mapping[str, histograms.Edges],
    binned: Mapping[str, Sequence[int]],
) -> statistics_pb2.DatasetFeatureStatistics:
    dataset = statistics_pb2.DatasetFeatureStatistics(name=part.split, num_examples=part.rows)
    for name, column in part.columns.items():
        feature = dataset.features.add(name=name, type=_TYPES[column.kind])
        figures = part.moments[name]
        extra = {"infinite": "infinite", "outside": "out_of_range"} | (
            {"nan": "nan"} if column.as_category else {}
        )
        for counted, label in extra.items():
            if figures.get(counted):
                feature.custom_stats.add(name=label, num=figures[counted])
        if column.as_category:
            _fill_strings(feature, part.categories[name])
            common = feature.string_stats.common_stats
        elif column.is_number:
            _fill_numbers(feature.num_stats, figures, part.quantiles[name])
            if figures["finite"]:
                histogram = histograms.standard(
                    binned[name], own.get(name, ()), _ends(name, parts), figures["nan"]
                )
                feature.num_stats.histograms.insert(0, histogram)
            common = feature.num_stats.common_stats
        else:
            common = feature.struct_stats.common_stats
        _fill_common(common, figures["present"], part.rows)
    return dataset


def _ends(name: str, parts: Sequence[_Part]) -> tuple[float, float]:
    """The smallest and the largest value of any split."""
    figures = [part.moments[name] for part in parts if name in part.quantiles]
    lows = [one["low"] for one in figures if one["low"] is not None]
    return min(lows), max(one["high"] for one in figures if one["high"] is not None)


def _fill_common(common: statistics_pb2.CommonStatistics, present: int, rows: int) -> None:
    common.num_non_missing, common.num_missing, common.tot_num_values = present, rows - present, present
    if present:
        common.min_num_values, common.max_num_values, common.avg_num_values = 1, 1, 1.0


def _fill_numbers(
    numbers: statistics_pb2.NumericStatistics, figures: queries.Row, quantiles: Sequence[float] | None
) -> None:
    numbers.num_zeros = figures["zeros"]
    if quantiles is None:
        numbers.histograms.add(type=statistics_pb2.Histogram.STANDARD, num_nan=figures["nan"])
        return
    numbers.min, numbers.max = figures["low"], figures["high"]
    numbers.mean, numbers.std_dev = figures["mean"], figures["deviation"]
    deciles = quantiles[1:-1]
    numbers.median = deciles[len(deciles) // 2]
    numbers.histograms.append(histograms.quantiles(deciles, figures["finite"]))


def _fill_strings(feature: statistics_pb2.FeatureNameStatistics, figures: queries.Row) -> None:
    strings = feature.string_stats
    strings.unique, strings.avg_length = figures["unique"], figures["mean_length"]
    if figures["empty"]:
        feature.custom_stats.add(name="empty", num=figures["empty"])
    for rank, (value, rows) in enumerate(figures["top"]):
        strings.top_values.add(value=value, frequency=rows)
        strings.rank_histogram.buckets.add(low_rank=rank, high_rank=rank, label=value, sample_count=rows)
