"""Which rows cannot be used, and why: they are put aside with the reason, never dropped."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.errors import DataError

REASON = "reason"
REJECTED = "rejected"
"""The folder of the rejected rows, beside those of the splits."""
_SHOWN_BYTES = 200
"""Of a string kept with a rejected row."""
_NAMED_REASONS = 3

Wrong = NDArray[np.bool_]
"""For each row whether a complaint is true of it, shape [rows]."""


def reasons(rows: int, complaints: Iterable[tuple[str, Wrong]]) -> NDArray[np.object_]:
    """Why each row cannot be used, shape [rows]; None where it can. The first complaint is the reason."""
    found = np.full(rows, None, dtype=object)
    for reason, wrong in complaints:
        found[wrong & (found == None)] = reason  # noqa: E711 - element by element
    return found


def text_complaints(
    batch: pa.RecordBatch, columns: Iterable[str], max_bytes: int
) -> Iterator[tuple[str, Wrong]]:
    """What is wrong with the strings of a batch: too long, or not UTF-8."""
    for name in columns:
        text = _text(batch.column(name))
        if text is not None:
            length = pc.binary_length(text).fill_null(0).to_numpy()
            yield f"{name} is longer than {max_bytes:,} bytes", length > max_bytes
            if not _is_utf8(text):
                wrong = [not _decodes(value) for value in text.to_pylist()]
                yield f"{name} is not UTF-8", np.array(wrong)


def rejected_rows(batch: pa.RecordBatch, why: NDArray[np.object_]) -> pa.Table:
    """The rejected rows with their reasons; of a long string only the beginning."""
    rejected = _is_rejected(why)
    rows = batch.filter(pa.array(rejected))
    columns = {name: _shown(rows.column(name)) for name in batch.schema.names}
    return pa.table({REASON: pa.array(why[rejected], pa.string()), **columns})


def accepted_rows(batch: pa.RecordBatch, why: NDArray[np.object_]) -> pa.RecordBatch:
    """The other rows."""
    rejected = _is_rejected(why)
    return batch.filter(pa.array(~rejected)) if rejected.any() else batch


def check_share(what: str, rows: int, rejected: Mapping[str, int], limit: float, setting: str) -> None:
    """Stop where more than the share `limit` of the rows is rejected; `setting` is where it is said.

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
        remedy=f"Mend these rows in the query, or raise `{setting}`.",
    )


def _is_rejected(why: NDArray[np.object_]) -> Wrong:
    return np.array(why != None, dtype=bool)  # noqa: E711 - element by element


def _text(column: "pa.Array[Any]") -> pa.LargeBinaryArray | None:
    """The bytes of a column of strings; None for one of any other type."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    texts = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    return cast("pa.LargeBinaryArray", column.cast(pa.large_binary())) if kind in texts else None


def _is_utf8(text: pa.LargeBinaryArray) -> bool:
    try:
        text.cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _decodes(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _shown(column: "pa.Array[Any]") -> "pa.Array[Any]":
    text = _text(column)
    return column if text is None else pa.array([_cut(v) for v in text.to_pylist()], pa.string())


def _cut(value: bytes | None) -> str | None:
    if value is None or len(value) <= _SHOWN_BYTES:
        return value if value is None else value.decode(errors="replace")
    return value[:_SHOWN_BYTES].decode(errors="replace") + f"… ({len(value):,} bytes)"
