"""What makes a row an example, in GoogleSQL: its label, its split, and the reason it is left out.

Engine-neutral: DuckDB runs these translated, BigQuery as they are. What they found is checked: labels
are 0 and 1 and vary, and every split has rows.
"""

import datetime
import functools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from components.ingest.settings import IngestStage
from components.shared.rows.label import check_both, not_binary
from components.shared.sources.googlesql import quoted
from components.shared.sources.selection import check_columns, not_among
from components.shared.sources.source import RESULT
from configs.errors import DataError, EmptySplitError, LabelError
from configs.rows import SPLITS, HashSplit, Label, Split, TimeSplit

NO_LABEL = "no label"


@dataclass(frozen=True)
class Plan:
    """SQL over the selection's rows; every column has been checked to be there."""

    columns: tuple[str, ...]
    """The columns of the rows, in the query's order."""
    label: str
    """Expression: 0, 1 (or what else a number may be), or NULL."""
    split: str
    """Expression: the name of a split, or NULL."""
    reason: str
    """Expression: why the row is left out, or NULL."""
    split_column: str
    label_column: str
    key: str | None

    def survey(self) -> str:
        """Rows, positives, and the range of the split column, by split and reason."""
        return (
            f"SELECT split_name, reason, COUNT(*) AS row_count, COUNTIF(label = 1) AS positives, "  # noqa: S608 - made of checked names
            f"COUNTIF(label NOT IN (0, 1)) AS neither, COUNT(DISTINCT key_value) AS keys, "
            f"MIN(split_value) AS first, MAX(split_value) AS last FROM ("
            f"SELECT {self.split} AS split_name, {self.reason} AS reason, {self.label} AS label, "
            f"{quoted(self.key) if self.key else 'NULL'} AS key_value, "
            f"{quoted(self.split_column)} AS split_value "
            f"FROM {RESULT}) GROUP BY split_name, reason ORDER BY split_name, reason"
        )

    def labels(self) -> str:
        """The most frequent labels as they came from the source."""
        return (
            f"SELECT label, COUNT(*) AS row_count FROM ("  # noqa: S608 - made of checked names
            f"SELECT CAST({quoted(self.label_column)} AS STRING) AS label FROM {RESULT}) "
            f"WHERE label IS NOT NULL GROUP BY label ORDER BY row_count DESC, label LIMIT 6"
        )

    def rows(self, split: Split) -> str:
        """The rows of a split."""
        columns = ", ".join(
            f"CAST({self.label} AS INT64) AS {quoted(name)}" if name == self.label_column else quoted(name)
            for name in self.columns
        )
        return f"SELECT {columns} FROM {RESULT} WHERE {self.reason} IS NULL AND {self.split} = '{split}'"  # noqa: S608 - made of checked names

    def order(self, ties: Sequence[str] = ()) -> tuple[str, ...]:
        """The columns that order the rows of a split: split column and key, then `ties`."""
        return tuple(dict.fromkeys((self.split_column, *([self.key] if self.key else []), *ties)))


def make_plan(stage: IngestStage, schema: pa.Schema) -> Plan:
    """Plan how a selection's rows become labelled rows of a split.

    Raises:
        MissingFeatureError: A column that a later stage needs is not there; the nearest is named.
        LabelError: The label is missing or of a type that cannot be 0 or 1.
        DataError: The split column has no instants.
    """
    _check_columns(stage, schema)
    label, split = _label(stage.label, schema), _split(stage.split, schema)
    because = stage.label.excluded_because
    said = f"WHEN {quoted(because)} IS NOT NULL THEN CAST({quoted(because)} AS STRING) " if because else ""
    reason = (
        f"CASE {said}WHEN {label} IS NULL THEN '{NO_LABEL}' "
        f"WHEN {quoted(stage.split.column)} IS NULL THEN 'no {stage.split.column}' END"
    )
    return Plan(
        columns=tuple(name for name in schema.names if name != because),
        label=label,
        split=split,
        reason=f"({reason})",
        split_column=stage.split.column,
        label_column=stage.label.column,
        key=stage.key,
    )


def _check_columns(stage: IngestStage, schema: pa.Schema) -> None:
    if stage.label.column not in schema.names:
        raise LabelError(f"the label '{stage.label.column}'", **not_among(stage.label.column, schema.names))
    needed = (stage.split.column, stage.label.excluded_because, stage.key, *stage.columns)
    check_columns((name for name in needed if name), schema)


def _label(label: Label, schema: pa.Schema) -> str:
    kind, name = schema.field(label.column).type, quoted(label.column)
    if pa.types.is_boolean(kind):
        positive = (label.positive or "true").lower()
        return _one_where(f"CAST({name} AS STRING) = {_literal(positive)}", name)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        known = f"IF(IS_NAN({name}), NULL, {name})" if pa.types.is_floating(kind) else name
        if label.positive is None:
            return known
        return _one_where(f"{known} = {_number(label)}", known)
    if pa.types.is_string(kind) and label.positive is not None:
        return _one_where(f"{name} = {_literal(label.positive)}", name)
    raise LabelError(
        f"the label '{label.column}'",
        expected="0 and 1, or a value named by label.positive",
        got=f"the type {kind}",
        remedy="Set label.positive, or turn it into 0 and 1 in the query.",
    )


def _number(label: Label) -> float:
    try:
        return float(label.positive or "")
    except ValueError:
        raise LabelError(
            f"the label '{label.column}' holds numbers",
            expected="a number as label.positive",
            got=repr(label.positive),
        ) from None


def _one_where(condition: str, known: str) -> str:
    return f"CASE WHEN {known} IS NULL THEN NULL WHEN {condition} THEN 1 ELSE 0 END"


def _split(split: TimeSplit | HashSplit, schema: pa.Schema) -> str:
    name = quoted(split.column)
    if isinstance(split, HashSplit):
        bucket = f"MOD(ABS(FARM_FINGERPRINT(CAST({name} AS STRING))), 100)"
        held_out = split.test_percent + split.eval_percent
        return (
            f"(CASE WHEN {name} IS NULL THEN NULL WHEN {bucket} < {split.test_percent} THEN 'test' "
            f"WHEN {bucket} < {held_out} THEN 'eval' ELSE 'train' END)"
        )
    kind = schema.field(split.column).type
    if not (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        raise DataError(
            f"the split column '{split.column}'",
            expected="a TIMESTAMP, DATETIME or DATE",
            got=str(kind),
            remedy="Convert it in the query (PARSE_TIMESTAMP, TIMESTAMP_SECONDS), or split by hash.",
        )
    at = f"CAST({name} AS TIMESTAMP)"
    return (
        f"(CASE WHEN {name} IS NULL THEN NULL WHEN {at} < {_instant(split.eval_from)} THEN 'train' "
        f"WHEN {at} < {_instant(split.test_from)} THEN 'eval' ELSE 'test' END)"
    )


def _instant(instant: datetime.datetime) -> str:
    return f"TIMESTAMP '{instant.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S.%f}+00'"


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


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
