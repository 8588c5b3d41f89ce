"""The distributions of every column by split, as small pictures, from `statistics.pb`."""

import statistics
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import DecodeError
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.report import numbers
from components.report.geometry import Line, Scale, stairs
from components.report.reading import Missing, Run

WIDTH, HEIGHT = 220.0, 72.0
_TOP = 6
"""Values of a categorical column that are shown."""


@dataclass(frozen=True)
class Value:
    """A value of a categorical column: its share of each split's present rows, 0 to 1."""

    text: str
    shares: Mapping[str, float]


@dataclass(frozen=True)
class Distribution:
    """A column: numbers as lines of density by split, categories as their top values."""

    column: str
    kind: str
    role: str
    """label, feature or other"""
    missing: Mapping[str, float]
    """Share of missing rows by split."""
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[Line, ...] = ()
    low: str = ""
    high: str = ""
    values: tuple[Value, ...] = ()
    most: float = 1.0
    """The largest share of a shown value."""


@dataclass(frozen=True)
class Distributions:
    """Every column with statistics, features first."""

    columns: tuple[Distribution, ...]
    splits: tuple[str, ...]
    positives: Mapping[str, float]
    """Share of positives by split."""


Statistics = Mapping[str, Mapping[str, Any]]
"""Split to column to FeatureNameStatistics."""


def distributions(run: Run) -> Distributions | Missing:
    """The small pictures of all columns."""
    by_split = _read(run)
    if not by_split:
        return run.absent("statistics")
    label = run.setting("label", "column") or ""
    raw = run.settings.get("features") or {}
    features = [*(raw.get("numeric") or ()), *(raw.get("categorical") or ())]
    found = dict.fromkeys(name for columns in by_split.values() for name in columns)
    names = [name for name in found if name != run.settings.get("key")]
    times = _times(run)
    order = {name: index for index, name in enumerate([label, *features])}
    names.sort(key=lambda name: order.get(name, len(order)))
    roles = {**dict.fromkeys(features, "feature"), label: "label"}
    return Distributions(
        tuple(_distribution(name, roles.get(name, "other"), by_split, times) for name in names),
        tuple(by_split),
        {split: _positives(columns[label]) for split, columns in by_split.items() if label in columns},
    )


def _read(run: Run) -> Statistics:
    try:
        found = run.file("statistics", "statistics.pb") or b""
        content = statistics_pb2.DatasetFeatureStatisticsList.FromString(found)
    except DecodeError as error:
        run.unreadable.append(f"{run.uri('statistics')}/statistics.pb: {error}")
        return {}
    return {dataset.name: {each.name: each for each in dataset.features} for dataset in content.datasets}


def _positives(label: Any) -> float:
    """The share of rows with the label 1, which the statistics have as a number or as a category."""
    return label.num_stats.mean if label.HasField("num_stats") else _shares(label).get("1", 0.0)


def _times(run: Run) -> frozenset[str]:
    """The columns of instants and dates: their numbers are microseconds since 1970."""
    columns = (run.json("rows", "rows.json") or {}).get("columns") or {}
    return frozenset(name for name, type_ in columns.items() if type_.startswith(("timestamp", "date")))


def _distribution(name: str, role: str, statistics: Statistics, times: Collection[str]) -> Distribution:
    by_split = {split: columns[name] for split, columns in statistics.items() if name in columns}
    missing = {split: _missing(feature) for split, feature in by_split.items()}
    kinds = {feature.WhichOneof("stats") for feature in by_split.values()}
    if "num_stats" in kinds:
        picture = Distribution(name, "numeric", role, missing)
        return _drawn(picture, by_split, numbers.day if name in times else _rounded)
    if "string_stats" in kinds:
        return _categorical(name, role, missing, by_split)
    return Distribution(name, "other", role, missing)


def _missing(feature: Any) -> float:
    """NULL, and NaN among numbers."""
    stats = getattr(feature, feature.WhichOneof("stats") or "num_stats")
    rows = stats.common_stats.num_missing + stats.common_stats.num_non_missing
    nan = sum(histogram.num_nan for histogram in stats.histograms[:1]) if feature.HasField("num_stats") else 0
    return (stats.common_stats.num_missing + nan) / rows if rows else 0.0


# --- numbers ----------------------------------------------------------------------------------


def _rounded(value: float) -> str:
    return numbers.figure(value, 3)


def _drawn(
    column: Distribution, by_split: Mapping[str, Any], written: Callable[[float], str]
) -> Distribution:
    """The column with the lines of its densities and the figures of its first split."""
    pictures = {split: steps for split, feature in by_split.items() if (steps := _steps(feature.num_stats))}
    if not pictures:
        return column
    first = next(iter(by_split.values())).num_stats
    facts = [("min", written(first.min)), ("median", written(first.median)), ("max", written(first.max))]
    if written is _rounded:
        facts += [("mean", written(first.mean)), ("sd", written(first.std_dev))]
    steps = [step for picture in pictures.values() for step in picture]
    x = Scale(min(step.low for step in steps), max(step.high for step in steps), 0, WIDTH)
    y = Scale(0, max(step.density for step in steps), HEIGHT - 1, 4)
    return replace(
        column,
        facts=tuple(facts),
        lines=tuple(
            Line(split, split, stairs(x, y, [(step.low, step.high, step.density) for step in picture]))
            for split, picture in pictures.items()
        ),
        low=("≤ " if any(step.gathers < 0 for step in steps) else "") + written(x.low),
        high=("≥ " if any(step.gathers > 0 for step in steps) else "") + written(x.high),
    )


@dataclass(frozen=True)
class Step:
    """A bar of a histogram; `gathers` is -1 or 1 where it stands for a long tail on that side."""

    low: float
    high: float
    density: float
    """Share of the split's present rows, by unit of the column."""
    gathers: int = 0


def _steps(column: Any) -> list[Step]:
    """The standard histogram as densities; a far outlier's bucket is drawn no wider than the others.

    The first and the last bucket reach to the smallest and the largest value. Where that is far, the
    bar keeps its area, and so its rows, but is as wide as the median bucket.
    """
    buckets = next(
        (each.buckets for each in column.histograms if each.type == statistics_pb2.Histogram.STANDARD), ()
    )
    total = sum(bucket.sample_count for bucket in buckets)
    if not total:
        return []
    usual = statistics.median(bucket.high_value - bucket.low_value for bucket in buckets) or 1.0
    last = len(buckets) - 1
    steps = []
    for index, bucket in enumerate(buckets):
        low, high = bucket.low_value, bucket.high_value
        gathers = 0
        if index in (0, last) and high - low > 2 * usual and last > 1:
            gathers = 1 if index else -1
            low, high = (low, low + usual) if index else (high - usual, high)
        elif not high > low:  # a constant, or a bucket of one value
            high = low + usual
        steps.append(Step(low, high, bucket.sample_count / total / (high - low), gathers))
    return steps


# --- categories -------------------------------------------------------------------------------


def _categorical(
    name: str, role: str, missing: Mapping[str, float], by_split: Mapping[str, Any]
) -> Distribution:
    shares = {split: _shares(feature) for split, feature in by_split.items()}
    found = dict.fromkeys(value for split in shares.values() for value in split)
    values = [
        Value(value, {name: split.get(value, 0.0) for name, split in shares.items()}) for value in found
    ]
    top = tuple(sorted(values, key=lambda value: -max(value.shares.values()))[:_TOP])
    unique = next(iter(by_split.values())).string_stats.unique
    return Distribution(
        name,
        "categorical",
        role,
        missing,
        (("values", numbers.figure(unique)),) if unique else (),
        values=top,
        most=max((share for value in top for share in value.shares.values()), default=1.0) or 1.0,
    )


def _shares(feature: Any) -> dict[str, float]:
    """The share of the frequent values among the rows where the column is present."""
    strings = feature.string_stats
    rows = strings.common_stats.num_non_missing
    return {each.label: each.sample_count / rows for each in strings.rank_histogram.buckets}
