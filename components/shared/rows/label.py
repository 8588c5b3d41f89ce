"""The label: 0 or 1 in every row, and both in every split. Every stage judges it by these functions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from components.shared.rows.rejected import Wrong
from configs.errors import LabelError

BINARY = "0 or 1 in every row"
_POSITIVE = "Name the value that counts as 1 in `label.positive`, and run from `ingest`: --from ingest"


class Labels(NamedTuple):
    """A column of labels, each array [rows]."""

    values: NDArray[np.float64]
    missing: NDArray[np.bool_]
    neither: NDArray[np.bool_]
    """Neither 0 nor 1; missing ones are among them."""


def check_label(schema: pa.Schema, label: str) -> None:
    """Make sure that the label is there and a number.

    Raises:
        LabelError: It is not.
    """
    kind = schema.field(label).type if label in schema.names else None
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)
    if kind is None or not any(is_number(kind) for is_number in numbers):
        raise LabelError(
            f"label '{label}'",
            expected="a column of numbers, 0 or 1",
            got="no such column" if kind is None else str(kind),
            remedy="Return it from the query, or name the value that counts as 1 in `label.positive`.",
        )


def read_labels(column: "pa.Array[Any] | pa.ChunkedArray[Any]") -> Labels:
    """The labels of a column that passed `check_label`, and which of them are wrong."""
    values = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return Labels(values, np.isnan(values), (values != 0.0) & (values != 1.0))


def find_label_errors(batch: pa.RecordBatch, label: str) -> Iterator[tuple[str, Wrong]]:
    """Find labels that are missing, or neither 0 nor 1, as `rejected.split_batch` takes them."""
    labels = read_labels(batch.column(label))
    yield f"{label} is missing", labels.missing
    yield f"{label} is neither 0 nor 1", labels.neither


def binary_labels(column: "pa.Array[Any] | pa.ChunkedArray[Any]", subject: str) -> NDArray[np.float64]:
    """The labels of a column that passed `check_label`: 0 or 1 [rows].

    Raises:
        LabelError: One is missing, or neither 0 nor 1.
    """
    labels = read_labels(column)
    if labels.neither.any():
        missing = int(labels.missing.sum())
        wrong = np.unique(labels.values[labels.neither & ~labels.missing])[:5]
        got = f"{missing} missing" if missing else ", ".join(f"{value:g}" for value in wrong)
        raise not_binary(subject, got)
    return labels.values


def not_binary(subject: str, got: str) -> LabelError:
    """The error about labels other than 0 and 1."""
    return LabelError(subject, expected=BINARY, got=got, remedy=_POSITIVE)


def check_both(label: str, split: str, rows: int, positives: int) -> None:
    """Make sure that a split has rows of both labels.

    Raises:
        LabelError: All are 0, or all are 1.
    """
    if positives in (0, rows):
        raise LabelError(
            f"label '{label}' in split '{split}'",
            expected="both 0 and 1",
            got=f"{int(positives > 0)} in all {rows:,} rows",
            remedy="Choose other limits under `split`, or another label; look at `label.positive`.",
        )
