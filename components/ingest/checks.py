"""Checks of the rows: labels that are 0 and 1 and vary, and rows in every split."""

import datetime
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

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
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> "Survey":
        """Read the rows that `Plan.survey` returns."""
        return cls(tuple(Group(*row.values()) for row in rows))

    def rows(self, *splits: Split) -> int:
        """Rows of these splits; of all, where none is named."""
        return sum(group.rows for group in self._in(splits))

    def positives(self, *splits: Split) -> int:
        """Rows of these splits with label 1."""
        return sum(group.positives for group in self._in(splits))

    @property
    def excluded(self) -> dict[str, int]:
        """Rows left out, by reason."""
        counts: Counter[str] = Counter()
        for group in self.groups:
            if group.reason is not None:
                counts[group.reason] += group.rows
        return dict(counts)

    @property
    def keys_are_unique(self) -> bool:
        """Every row of a split has a key of its own."""
        return all(group.keys == group.rows for group in self._in(SPLITS))

    @property
    def span(self) -> tuple[Any, Any]:
        """The range of the split column over all splits."""
        groups = self._in(SPLITS)
        return min(group.first for group in groups), max(group.last for group in groups)

    def _in(self, splits: tuple[Split, ...]) -> list[Group]:
        wanted = splits or SPLITS
        return [group for group in self.groups if group.reason is None and group.split in wanted]


def check(stage: IngestStage, survey: Survey, labels: Callable[[], Mapping[str, int]]) -> None:
    """Make sure that a model can learn from these rows and be judged by them.

    Args:
        stage: Which label and splits.
        survey: The rows, counted.
        labels: Returns the most frequent labels; called when one is wrong.

    Raises:
        EmptySplitError, LabelError: Naming the split and what was expected of it.
    """
    if not survey.rows():
        excluded = ", ".join(f"{count:,} {reason}" for reason, count in survey.excluded.items())
        raise EmptySplitError(
            "the rows of the query",
            expected="at least one with a label in each split",
            got=f"none: {excluded}" if excluded else "no rows at all",
        )
    if any(group.neither for group in survey.groups):
        raise not_binary(f"label '{stage.label.column}'", _format_counts(labels()))
    if stage.label.positive is not None and not survey.positives():
        raise LabelError(
            f"label.positive '{stage.label.positive}'",
            expected=f"a value of '{stage.label.column}'",
            got=_format_counts(labels()),
        )
    for split in SPLITS:
        if not survey.rows(split):
            raise _empty_split_error(stage, survey, split)
        check_both(stage.label.column, split, survey.rows(split), survey.positives(split))


def _empty_split_error(stage: IngestStage, survey: Survey, split: Split) -> EmptySplitError:
    rule, column = stage.split, stage.split.column
    empty = functools.partial(EmptySplitError, f"split '{split}'")
    if isinstance(rule, HashSplit):
        percent = {"eval": rule.eval_percent, "test": rule.test_percent}
        share = percent.get(split, 100 - rule.eval_percent - rule.test_percent)
        return empty(
            expected=f"{share} % of the values of '{column}'",
            got=f"none of {survey.rows():,} rows",
            remedy="Split by a column with more values, or raise the percentage.",
        )
    first, last = map(_format_instant, survey.span)
    eval_from, test_from = map(_format_instant, (rule.eval_from, rule.test_from))
    bounds = {
        "train": f"before {eval_from}",
        "eval": f"from {eval_from} to before {test_from}",
        "test": f"from {test_from} on",
    }
    return empty(
        expected=f"rows with '{column}' {bounds[split]}",
        got=f"none: it runs from {first} to {last}",
        remedy="Move split.eval_from or split.test_from.",
    )


def _format_instant(instant: datetime.date) -> str:
    """An instant without the zeros of midnight."""
    return f"{instant:%Y-%m-%d %H:%M:%S}".removesuffix(" 00:00:00")


def _format_counts(labels: Mapping[str, int]) -> str:
    return ", ".join(f"'{label}' ({count:,} rows)" for label, count in labels.items()) or "no value"
