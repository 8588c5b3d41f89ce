"""The label of an example: 0 or 1, there and a number."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from components.shared.rows.rejected import Wrong
from configs.errors import LabelError


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
            remedy="Return it from the query, or name the value that counts as 1 in `label.positive`.",
        )


def label_complaints(batch: pa.RecordBatch, label: str) -> Iterator[tuple[str, Wrong]]:
    """What is wrong with the labels of a batch."""
    values = batch.column(label).cast(pa.float64()).to_numpy(zero_copy_only=False)
    yield f"{label} is missing", np.isnan(values)
    yield f"{label} is neither 0 nor 1", ~np.isin(values, (0.0, 1.0))
