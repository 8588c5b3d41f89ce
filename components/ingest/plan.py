"""What makes a row an example, in GoogleSQL: its label, its split, and the reason it is left out.

Engine-neutral: DuckDB runs these through sqlglot, BigQuery as they are.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from components.ingest.settings import IngestStage
from components.shared.sources.googlesql import quoted
from components.shared.sources.selection import check_columns, not_among
from components.shared.sources.source import RESULT
from configs.errors import DataError, LabelError
from configs.rows import HashSplit, Label, Split, TimeSplit

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
