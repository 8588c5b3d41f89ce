"""A split, or a few of its shards: the columns, and the summary of each."""

import functools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from components.shared.files.paths import parallel_map
from components.validate.numbers import Numbers, Points, Range
from components.validate.queries import Column, Engine, Summary, describe, row_count, summarize
from configs.errors import UnreadableFileError
from configs.rows import Split


@dataclass(frozen=True)
class Request:
    """What is wanted beyond the columns' own figures.

    Args:
        categories: Columns whose values are counted one by one although they are numbers.
        ranges: Limits by column; the values outside are counted.
        domains: Values by column; they are counted exactly, and are among its top values.
        group_bytes: Of Parquet, read at a time; a larger shard is read alone.
    """

    categories: Collection[str] = ()
    ranges: Mapping[str, Range] = field(default_factory=dict)
    domains: Mapping[str, Collection[str]] = field(default_factory=dict)
    group_bytes: int = 16 * 2**20


@dataclass(frozen=True)
class Part:
    """A split, or a few shards of it; columns and summaries by name, in order."""

    split: Split
    rows: int
    columns: Mapping[str, Column]
    summaries: Mapping[str, Summary]

    @functools.cached_property
    def points(self) -> Mapping[str, Points]:
        """The distributions of the numbers that are no categories and have a finite value."""
        found = {
            name: summary.numbers.finite.points()
            for name, summary in self.summaries.items()
            if summary.numbers and not summary.categories
        }
        return {name: points for name, points in found.items() if points.total}

    def ends(self, name: str) -> tuple[float, float]:
        """The smallest and the largest finite value of a number with `points`."""
        numbers = self.summaries[name].numbers or Numbers()
        return numbers.low, numbers.high

    def merge(self, other: "Part") -> "Part":
        """Both, which are of one split.

        Raises:
            UnreadableFileError: They have different columns.
        """
        if self.columns != other.columns:
            raise UnreadableFileError(
                f"the rows of split '{self.split}'",
                expected=f"Parquet shards of equal columns, all with {_difference(self, other)}",
                got=_difference(other, self),
                remedy="Run again from `ingest`.",
            )
        merged = {name: summary.merge(other.summaries[name]) for name, summary in self.summaries.items()}
        return Part(self.split, self.rows + other.rows, self.columns, merged)


def measure(engine: Engine, files: Sequence[Path], split: Split, request: Request) -> Part:
    """Summarize the columns of a few shards, several at once."""
    columns = describe(engine.connection, files, request.categories)

    def summary(column: Column) -> Summary:
        limits, domain = request.ranges.get(column.name), request.domains.get(column.name, ())
        return summarize(engine, files, column, limits, domain)

    summaries = dict(
        zip(columns, parallel_map(summary, list(columns.values()), engine.queries_at_once), strict=True)
    )
    return Part(split, row_count(engine, files), columns, summaries)


def _difference(first: Part, second: Part) -> str:
    """The columns of one that the other does not have with this type."""
    there = second.columns
    found = [f"{name} {each.declared}" for name, each in first.columns.items() if there.get(name) != each]
    return ", ".join(found) or "the same columns in this order"
