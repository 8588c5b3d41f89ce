"""Which values are missing: one rule, wherever a value is met.

- A number is missing where it is NULL, NaN, or not finite as float32, which is what a model is fed.
- A category is missing where it is NULL, the empty string, or such a number.

To a model a missing number is NaN and a missing category is "" (`raw.py`). The statistics of
`validate` and the transform graph follow the same rule: `tests/unit/test_missing.py` proves it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # the server has no pyarrow
    import pyarrow as pa

FLOAT32_MAX = 3.4028235677973362e38
"""The largest float64 that is finite as float32: it becomes float32's maximum, the next one infinity."""


def missing_numbers(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of some numbers are missing, [rows]; NULL is NaN among them."""
    with np.errstate(over="ignore"):  # beyond float32 is infinite
        return ~np.isfinite(values.astype(np.float32))


def is_missing(value: Any) -> bool:
    """Whether a value of Python, as JSON or Arrow has it, is missing."""
    if isinstance(value, float):
        return bool(missing_numbers(np.asarray(value)))
    return value is None or value in ("", b"")


def missing_values(column: "pa.Array[Any]") -> NDArray[np.bool_]:
    """Which values of a column of rows are missing, [rows]."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        return missing_values(column.cast(kind.value_type))
    if pa.types.is_decimal(kind):
        return missing_values(column.cast(pa.float64()))
    if pa.types.is_floating(kind):
        return missing_numbers(column.to_numpy(zero_copy_only=False))
    text = kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    missing = pc.equal(column, pa.scalar("", kind)).fill_null(True) if text else column.is_null()
    return np.asarray(missing.to_numpy(zero_copy_only=False), dtype=np.bool_)
