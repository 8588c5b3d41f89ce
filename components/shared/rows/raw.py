"""Raw values: the columns of a Parquet batch as TensorFlow sees them, in every stage alike.

A number is float32, where it is missing NaN. A category is a string, where it is missing "". Which values
are missing says `missing.py`. Types other than string are written as Arrow prints them: 5, true, 2013-09-01.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.shared.rows.missing import missing_numbers, missing_values
from configs.errors import DataError, MissingFeatureError
from configs.features import Features

RawColumns = dict[str, "NDArray[np.float32] | NDArray[np.object_]"]


def check_columns(schema: pa.Schema, features: Features) -> None:
    """Make sure that every declared feature is there, with a type that can be used as declared.

    Raises:
        MissingFeatureError: A feature is not among the columns.
        DataError: A column declared numeric holds no numbers, or one declared categorical is nested.
    """
    missing = [name for name in features.columns if name not in schema.names]
    if missing:
        raise MissingFeatureError(
            f"features {missing}",
            expected="columns of the rows",
            got=f"rows with {', '.join(schema.names)}",
            remedy="Return them from the query, or take them out of `features`.",
        )
    for name in features.numeric:
        if not _is_numeric(schema.field(name).type):
            raise DataError(
                f"feature '{name}' is declared numeric",
                expected="a number or boolean in the rows",
                got=str(schema.field(name).type),
                remedy="Declare it under `features.categorical`, or turn it into a number in the "
                f"query: SAFE_CAST({name} AS FLOAT64) AS {name}.",
            )
    for name in features.categorical:
        if pa.types.is_nested(_decoded(schema.field(name).type)):
            raise DataError(
                f"feature '{name}' is declared categorical",
                expected="one value a row",
                got=str(schema.field(name).type),
                remedy="Choose one value, or join them to a string, in the query.",
            )


def raw_batch(batch: pa.RecordBatch, features: Features) -> pa.RecordBatch:
    """The features of a batch as float32 (NaN is missing) and string ("" is missing) columns.

    Args:
        batch: Rows that passed `check_columns`, with any further columns.
        features: What to take, in this order.
    """
    numbers = [pa.array(_number(batch.column(name))) for name in features.numeric]
    categories = [_category(batch.column(name)) for name in features.categorical]
    return pa.RecordBatch.from_arrays([*numbers, *categories], names=list(features.columns))


def count_missing(raw: pa.RecordBatch, names: Iterable[str]) -> dict[str, int]:
    """How many values of columns that `raw_batch` made are missing, by column."""
    return {name: int(missing_values(raw.column(name)).sum()) for name in names}


def raw_tensors(batch: pa.RecordBatch, features: Features) -> RawColumns:
    """The same as NumPy arrays of shape [rows], float32 and object (bytes): what a SavedModel is fed."""
    numbers: RawColumns = {name: _number(batch.column(name)) for name in features.numeric}
    return numbers | {
        name: _category(batch.column(name)).cast(pa.binary()).to_numpy(zero_copy_only=False)
        for name in features.categorical
    }


def _number(column: "pa.Array[Any]") -> NDArray[np.float32]:
    if pa.types.is_boolean(column.type) or pa.types.is_null(column.type):
        column = column.cast(pa.float32())
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    wide = column.to_numpy(zero_copy_only=False)  # NULL becomes NaN
    with np.errstate(over="ignore"):
        number: NDArray[np.float32] = wide.astype(np.float32)
    number[missing_numbers(number)] = np.nan
    return number


def _category(column: "pa.Array[Any]") -> "pa.Array[Any]":
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and column.type.tz is None:  # as BigQuery exports instants
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        column = pc.if_else(pa.array(missing_values(column)), None, column)
    # Bytes that are no UTF-8 pass: TensorFlow's strings are bytes, and `transform` rejects such rows.
    return column.cast(pa.string(), safe=False).fill_null("")


def _is_numeric(kind: pa.DataType) -> bool:
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return pa.types.is_null(kind) or any(is_kind(kind) for is_kind in numbers)


def _decoded(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
