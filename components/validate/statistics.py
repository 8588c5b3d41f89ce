"""Statistics of the rows, one dataset a split, as tensorflow-metadata's `DatasetFeatureStatisticsList`.

They are computed a few shards at a time, wherever these lie, and merged: memory and disk do not grow with
the number of shards. What is exact, and how far off the rest may be, is in `summaries`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.shared.files.place import Place
from components.shared.stage.recording import Progress
from components.validate import histograms
from components.validate.columns import Column
from components.validate.datasets import dataset
from components.validate.parts import Part, Request, measure
from components.validate.quantiles import Points
from components.validate.queries import Engine, translate_statistics_errors
from components.validate.shard_groups import local_groups, shard_groups
from configs.errors import EmptySplitError
from configs.rows import SPLITS, Split


@dataclass(frozen=True)
class Statistics:
    """What was computed.

    Args:
        datasets: One a split, named like it.
        columns: The columns of each split, in order.
        train: The distributions of the training split's numbers, to be counted in other buckets.
    """

    datasets: statistics_pb2.DatasetFeatureStatisticsList
    columns: Mapping[Split, Mapping[str, Column]]
    train: Mapping[str, Points]

    def rows(self, split: Split) -> int:
        """Rows of a split."""
        return int(self.datasets.datasets[SPLITS.index(split)].num_examples)

    def features(self, split: Split) -> dict[str, statistics_pb2.FeatureNameStatistics]:
        """The columns' statistics of a split, by name."""
        return by_name(self.datasets.datasets[SPLITS.index(split)])


def compute(engine: Engine, rows: Place, request: Request, scratch: Path, progress: Progress) -> Statistics:
    """The statistics of a rows artifact.

    Args:
        engine: What reads the shards.
        rows: The rows, by split.
        request: What is wanted.
        scratch: A folder for shards that come from `gs://`; they are removed when they were read.
        progress: Called for every group of shards.

    Raises:
        EmptySplitError: A split without rows.
        UnreadableFileError: A shard that is not Parquet, or shards that do not fit together.
        SettingsError: The engine may take too little memory.
        NoSpaceError: It spilled until the disk was full.
    """
    groups = [(split, group) for split in SPLITS for group in shard_groups(rows, split, request.group_bytes)]
    parts: dict[Split, Part] = {}
    files = local_groups([group for _, group in groups], scratch)
    for done, ((split, _), some) in enumerate(zip(groups, files, strict=True)):
        progress("statistics", done, len(groups))
        with translate_statistics_errors(rows):
            part = measure(engine, some, split, request)
        parts[split] = parts[split].merge(part) if split in parts else part
    progress("statistics", len(groups), len(groups))
    for split in SPLITS:
        if split not in parts or not parts[split].rows:
            raise EmptySplitError(f"split '{split}'", expected="at least one row", got="none", remedy=_EMPTY)
    return _described([parts[split] for split in SPLITS])


_EMPTY = "Move the borders of the section `split`, or look at what the query returns."


def by_name(
    dataset: statistics_pb2.DatasetFeatureStatistics,
) -> dict[str, statistics_pb2.FeatureNameStatistics]:
    """The columns' statistics of a dataset, by name."""
    return {feature.name: feature for feature in dataset.features}


def custom(feature: statistics_pb2.FeatureNameStatistics, name: str) -> float:
    """A custom statistic; 0 where it was not needed."""
    return next((float(one.num) for one in feature.custom_stats if one.name == name), 0.0)


def _described(parts: list[Part]) -> Statistics:
    """The splits as messages, with the histograms' inner edges from the first of them."""
    train = parts[0]
    inner = {
        name: histograms.edges(train.columns[name].kind, *train.ends(name), points)
        for name, points in train.points.items()
    }
    names = {name for part in parts for name in part.points}
    lows, highs = (
        {name: choose(part.ends(name)[end] for part in parts if name in part.summaries) for name in names}
        for end, choose in ((0, min), (1, max))
    )
    ends = {name: (lows[name], highs[name]) for name in names}
    datasets = statistics_pb2.DatasetFeatureStatisticsList(
        datasets=[dataset(part, inner, ends) for part in parts]
    )
    return Statistics(datasets, {part.split: part.columns for part in parts}, train.points)
