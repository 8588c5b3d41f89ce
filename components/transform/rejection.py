"""Which rows cannot be used, and why: they are put aside with the reason, never dropped."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.errors import DataError, LabelError
from configs.stages import TransformStage

REASON = "reason"
_SHOWN_BYTES = 200
"""Of a string kept with a rejected row."""
_NAMED_REASONS = 3


def check_label(schema: pa.Schema, label: str) -> None:
    """Make sure that the label is there and a number.

    Raises:
        LabelError: It is not.
    """
    kind = schema.field(label).type if label in schema.names else None
    if kind is None or not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    ):
        raise LabelError(
            f"label '{label}'",
            expected="0 or 1 in the rows",
            got="no such column" if kind is None else str(kind),
            way_out="Return it from the query, or name the value that counts as 1 in `label.positive`.",
        )


def reasons(batch: pa.RecordBatch, stage: TransformStage) -> NDArray[np.object_]:
    """Why each row cannot be used, shape [rows]; None where it can. The first reason is the one."""
    found = np.full(batch.num_rows, None, dtype=object)
    for reason, wrong in _complaints(batch, stage):
        found[wrong & (found == None)] = reason  # noqa: E711 - element by element
    return found


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


def check_share(split: str, rows: int, rejected: Mapping[str, int], limit: float) -> None:
    """Stop where more than the share `limit` of a split's rows is rejected.

    Raises:
        DataError: Naming the most frequent reasons.
    """
    total = sum(rejected.values())
    if total <= limit * rows:
        return
    top = sorted(rejected.items(), key=lambda reason: (-reason[1], reason[0]))[:_NAMED_REASONS]
    raise DataError(
        f"split '{split}'",
        expected=f"at most {limit:.2%} rejected rows",
        got=f"{total:,} of {rows:,} ({total / rows:.2%}): "
        + "; ".join(f"{count:,} x {reason}" for reason, count in top),
        way_out="Mend these rows in the query, or raise `transform.max_rejected`.",
    )


def _is_rejected(why: NDArray[np.object_]) -> NDArray[np.bool_]:
    return np.array(why != None, dtype=bool)  # noqa: E711 - element by element


def _complaints(batch: pa.RecordBatch, stage: TransformStage) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    name, limit = stage.label.column, stage.transform.max_string_bytes
    label = batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    yield f"{name} is missing", np.isnan(label)
    yield f"{name} is neither 0 nor 1", ~np.isin(label, (0.0, 1.0))
    for name in stage.features.categorical:
        text = _text(batch.column(name))
        if text is not None:
            length = pc.binary_length(text).fill_null(0).to_numpy()
            yield f"{name} is longer than {limit:,} bytes", length > limit
            if not _is_utf8(text):
                wrong = [not _decodes(value) for value in text.to_pylist()]
                yield f"{name} is not UTF-8", np.array(wrong)


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
