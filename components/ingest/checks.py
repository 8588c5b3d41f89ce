"""When rows cannot be learned from: a label that is not 0 and 1, or never varies; a split without rows."""

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from components.ingest.settings import IngestStage
from components.shared.rows.label import check_both, not_binary
from configs.errors import EmptySplitError, LabelError
from configs.rows import SPLITS, HashSplit, Split


class Group(NamedTuple):
    """Rows of one split, or left out for one reason."""

    split: Split | None
    reason: str | None
    rows: int
    positives: int
    neither: int
    """Rows whose label is neither 0 nor 1."""
    keys: int
    """Distinct keys."""
    first: Any
    last: Any
    """The range of the split column."""


@dataclass(frozen=True)
class Survey:
    """The rows of a selection, counted."""

    groups: tuple[Group, ...]

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch]) -> "Survey":
        """From what `Plan.survey` returns."""
        return cls(tuple(Group(*row.values()) for batch in batches for row in batch.to_pylist()))

    def rows(self, *splits: Split) -> int:
        """Rows of these splits; of all, where none is named."""
        return sum(group.rows for group in self._in(splits))

    def positives(self, *splits: Split) -> int:
        """The same, with label 1."""
        return sum(group.positives for group in self._in(splits))

    @property
    def excluded(self) -> dict[str, int]:
        """Rows left out, by reason."""
        counts: dict[str, int] = {}
        for group in self.groups:
            if group.reason is not None:
                counts[group.reason] = counts.get(group.reason, 0) + group.rows
        return counts

    @property
    def keys_are_unique(self) -> bool:
        """Every row of a split has a key of its own."""
        return all(group.keys == group.rows for group in self._in(SPLITS))

    @property
    def span(self) -> tuple[Any, Any]:
        """The range of the split column over all splits."""
        kept = self._in(SPLITS)
        return min(group.first for group in kept), max(group.last for group in kept)

    def _in(self, splits: tuple[Split, ...]) -> list[Group]:
        wanted = splits or SPLITS
        return [group for group in self.groups if group.reason is None and group.split in wanted]


def check(stage: IngestStage, survey: Survey, labels: Callable[[], Mapping[str, int]]) -> None:
    """Refuse rows that cannot be learned from or judged by.

    Args:
        stage: Which label and splits.
        survey: The rows, counted.
        labels: Asked for the most frequent labels when one is wrong.

    Raises:
        EmptySplitError, LabelError: Naming the split and what it was meant to hold.
    """
    if not survey.rows():
        excluded = ", ".join(f"{count:,} {reason}" for reason, count in survey.excluded.items())
        raise EmptySplitError(
            "the rows of the query",
            expected="at least one with a label in each split",
            got=f"none: {excluded}" if excluded else "no rows at all",
        )
    if any(group.neither for group in survey.groups):
        raise not_binary(f"label '{stage.label.column}'", _counted(labels()))
    if stage.label.positive is not None and not survey.positives():
        raise LabelError(
            f"label.positive '{stage.label.positive}'",
            expected=f"a value of '{stage.label.column}'",
            got=_counted(labels()),
        )
    for split in SPLITS:
        _check_split(stage, survey, split)


def _check_split(stage: IngestStage, survey: Survey, split: Split) -> None:
    if not survey.rows(split):
        raise _empty(stage, survey, split)
    check_both(stage.label.column, split, survey.rows(split), survey.positives(split))


def _empty(stage: IngestStage, survey: Survey, split: Split) -> EmptySplitError:
    told, column = stage.split, stage.split.column
    if isinstance(told, HashSplit):
        percent = {"eval": told.eval_percent, "test": told.test_percent}
        share = percent.get(split, 100 - told.eval_percent - told.test_percent)
        return EmptySplitError(
            f"split '{split}'",
            expected=f"{share} % of the values of '{column}'",
            got=f"none of {survey.rows():,} rows",
            remedy="Split by a column with more values, or raise the percentage.",
        )
    bounds = {
        "train": f"before {_day(told.eval_from)}",
        "eval": f"from {_day(told.eval_from)} to before {_day(told.test_from)}",
        "test": f"from {_day(told.test_from)} on",
    }
    first, last = survey.span
    return EmptySplitError(
        f"split '{split}'",
        expected=f"rows with '{column}' {bounds[split]}",
        got=f"none: it runs from {_day(first)} to {_day(last)}",
        remedy="Move split.eval_from or split.test_from.",
    )


def _day(instant: datetime.date) -> str:
    """An instant without the zeros of midnight."""
    text = f"{instant:%Y-%m-%d %H:%M:%S}"
    return text.removesuffix(" 00:00:00")


def _counted(labels: Mapping[str, int]) -> str:
    return ", ".join(f"'{label}' ({count:,} rows)" for label, count in labels.items()) or "no value"
