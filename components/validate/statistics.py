"""Statistics of the rows, one dataset a split, as tensorflow-metadata's `DatasetFeatureStatisticsList`.

They are computed a few shards at a time, wherever these lie, and merged: memory and disk do not grow with
the number of shards. What is exact, and how far off the rest may be, is in `numbers` and `categories`.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tensorflow_metadata.proto.v0 import statistics_pb2

from components.shared.files.artifacts import shards
from components.shared.files.paths import local_files, parallel_map
from components.shared.files.place import Place
from components.shared.stage.recording import Progress
from components.validate.datasets import Edges, by_name, dataset, inner_edges
from components.validate.numbers import Points
from components.validate.parts import Part, Request, measure
from components.validate.queries import Column, Engine, translate_statistics_errors
from configs.errors import EmptySplitError, UnreadableFileError
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
            remedy = "Move the borders of the section `split`, or look at what the query returns."
            raise EmptySplitError(f"split '{split}'", expected="at least one row", got="none", remedy=remedy)
    return _described([parts[split] for split in SPLITS])


def _described(parts: list[Part]) -> Statistics:
    """The splits as messages, with the histograms' inner edges from the first of them."""
    names = {name for part in parts for name in part.points}
    edges = {name: _edges(parts, name) for name in names}
    datasets = statistics_pb2.DatasetFeatureStatisticsList(datasets=[dataset(part, edges) for part in parts])
    return Statistics(datasets, {part.split: part.columns for part in parts}, parts[0].points)


def _edges(parts: list[Part], name: str) -> Edges:
    train = parts[0]
    lows, highs = zip(*(part.ends(name) for part in parts if name in part.points), strict=True)
    points = train.points.get(name)
    inner = inner_edges(train.columns[name].kind, *train.ends(name), points) if points else ()
    return (min(lows), *inner, max(highs))


def shard_groups(rows: Place, split: Split, group_bytes: int) -> list[list[Place]]:
    """The shards of a split, in order, in groups of at most so many bytes, or of one shard.

    Raises:
        UnreadableFileError: A shard vanished.
    """
    files = shards(rows, split)
    groups: list[list[Place]] = []
    room = 0
    for file, size in zip(files, parallel_map(_size, files), strict=True):
        if size > room:
            groups.append([])
            room = max(group_bytes, size)
        groups[-1].append(file)
        room -= size
    return groups


def local_groups(groups: Sequence[Sequence[Place]], scratch: Path) -> Iterator[list[Path]]:
    """Each group as files of this machine: the shards themselves, or copies in the folder `scratch`.

    While one group is read the next is fetched; no more than these two are there.
    """

    def fetch(index: int) -> list[Path]:
        return local_files(groups[index], scratch / str(index)) if index < len(groups) else []

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(fetch, 0)
        for index in range(len(groups)):
            files, following = following.result(), pool.submit(fetch, index + 1)
            yield files
            shutil.rmtree(scratch / str(index), ignore_errors=True)


def _size(file: Place) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError as error:
        remedy = "Run again from `ingest`."
        raise UnreadableFileError(str(file), expected="a shard", got="nothing", remedy=remedy) from error
