"""Which rows cannot be used, and why: they are written out with the reason, never dropped."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.errors import DataError

REASON = "reason"
REJECTED = "rejected"
"""The folder of the rejected rows, next to those of the splits."""
_SHOWN_BYTES = 200
"""Bytes of a string that are written with a rejected row."""
_NAMED_REASONS = 3

Wrong = NDArray[np.bool_]
"""For each row whether it has an error, shape [rows]."""


class SplitBatch(NamedTuple):
    """A batch split into rows that can be used and rows that cannot."""

    accepted: pa.RecordBatch
    rejected: pa.Table | None
    """The other rows with their reasons, if there are any; of a long string only the beginning."""
    reasons: Mapping[str, int]
    """How many rows were rejected, by reason."""


def split_batch(batch: pa.RecordBatch, errors: Iterable[tuple[str, Wrong]]) -> SplitBatch:
    """Reject the rows that have one of these errors; the first one is the reason."""
    why = np.full(batch.num_rows, None, dtype=object)
    rejected = np.zeros(batch.num_rows, dtype=np.bool_)
    for reason, wrong in errors:
        why[wrong & ~rejected] = reason
        rejected |= wrong
    if not rejected.any():
        return SplitBatch(batch, None, {})
    rows = batch.filter(pa.array(rejected))
    columns = {name: _shortened(rows.column(name)) for name in batch.schema.names}
    table = pa.table({REASON: pa.array(why[rejected], pa.string()), **columns})
    return SplitBatch(batch.filter(pa.array(~rejected)), table, Counter(why[rejected].tolist()))


def find_text_errors(
    batch: pa.RecordBatch, columns: Iterable[str], max_bytes: int
) -> Iterator[tuple[str, Wrong]]:
    """Find strings that are too long, or not UTF-8."""
    for name in columns:
        text = _text(batch.column(name))
        if text is not None:
            length = pc.binary_length(text).fill_null(0).to_numpy()
            yield f"{name} is longer than {max_bytes:,} bytes", length > max_bytes
            if not is_utf8(text):
                wrong = [not is_utf8(text[row : row + 1]) for row in range(len(text))]
                yield f"{name} is not UTF-8", np.array(wrong)


def check_share(what: str, rows: int, rejected: Mapping[str, int], limit: float, setting: str) -> None:
    """Make sure that no more than the share `limit` of the rows is rejected; `setting` is its name.

    Raises:
        DataError: Naming the most frequent reasons.
    """
    total = sum(rejected.values())
    if total <= limit * rows:
        return
    top = sorted(rejected.items(), key=lambda reason: (-reason[1], reason[0]))[:_NAMED_REASONS]
    raise DataError(
        what,
        expected=f"at most {limit:.2%} rejected rows",
        got=f"{total:,} of {rows:,} ({total / rows:.2%}): "
        + "; ".join(f"{count:,} x {reason}" for reason, count in top),
        remedy=f"Fix these rows in the query, or raise `{setting}`.",
    )


def is_utf8(text: pa.LargeBinaryArray) -> bool:
    """Whether all values are UTF-8."""
    try:
        text.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _text(column: "pa.Array[Any]") -> pa.LargeBinaryArray | None:
    """The bytes of a column of strings; None for one of any other type."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    texts = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    return cast("pa.LargeBinaryArray", column.cast(pa.large_binary())) if kind in texts else None


def _shortened(column: "pa.Array[Any]") -> "pa.Array[Any]":
    text = _text(column)
    return column if text is None else pa.array([_shorten(v) for v in text.to_pylist()], pa.string())


def _shorten(value: bytes | None) -> str | None:
    if value is None or len(value) <= _SHOWN_BYTES:
        return value if value is None else value.decode(errors="replace")
    return value[:_SHOWN_BYTES].decode(errors="replace") + f"… ({len(value):,} bytes)"
