"""Row ranges: what one worker reads, a batch at a time, and writes as one shard."""

import dataclasses
from collections.abc import Iterator, Sequence

import pyarrow as pa

from components.shared.files.artifacts import shards
from components.shared.files.paths import map_places, place
from components.shared.files.place import Place
from components.shared.rows.parquet import read_batches, read_footer
from configs.rows import Part


@dataclasses.dataclass(frozen=True)
class RowRange:
    """The rows from `first` up to `end` of a shard; `index` counts the ranges of the split."""

    split: Part
    shard: str
    first: int
    end: int
    index: int

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.end - self.first


def plan_ranges(folder: Place, split: Part, shard_rows: int) -> list[RowRange]:
    """All rows of a split or of those to score, cut at the shards' ends and at most `shard_rows` long.

    Raises:
        UnreadableFileError: A shard that is not Parquet.
    """
    ranges: list[RowRange] = []
    paths = shards(folder, split)
    for path, footer in zip(paths, map_places(read_footer, paths), strict=True):
        for first in range(0, footer.num_rows, shard_rows):
            end = min(first + shard_rows, footer.num_rows)
            ranges.append(RowRange(split, str(path), first, end, len(ranges)))
    return ranges


def plan_row_groups(folder: Place, split: Part, least_rows: int) -> list[RowRange]:
    """All rows of a split, cut where row groups end, at least `least_rows` long but for a shard's last range.

    Batches of such a range are those of a pass over the whole shard, if row groups are multiples of a batch.

    Raises:
        UnreadableFileError: A shard that is not Parquet.
    """
    ranges: list[RowRange] = []
    paths = shards(folder, split)
    for path, footer in zip(paths, map_places(read_footer, paths), strict=True):
        first = end = 0
        for group in range(footer.num_row_groups):
            end += footer.row_group(group).num_rows
            if end - first >= least_rows or end == footer.num_rows > first:
                ranges.append(RowRange(split, str(path), first, end, len(ranges)))
                first = end
    return ranges


def count_rows(ranges: Sequence[RowRange]) -> int:
    """The rows of all ranges."""
    return sum(row_range.rows for row_range in ranges)


def read_range(row_range: RowRange, columns: Sequence[str], batch_rows: int) -> Iterator[pa.RecordBatch]:
    """The rows of a range in order, at most `batch_rows` at a time.

    Raises:
        UnreadableFileError: The shard is damaged.
    """
    return read_batches(place(row_range.shard), columns, batch_rows, row_range.first, row_range.end)
