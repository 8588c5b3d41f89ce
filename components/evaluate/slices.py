"""Slices: every row's place in each of the configured slices, as a small number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from configs.errors import DataError, MissingFeatureError, did_you_mean
from configs.metrics import slice_name

Columns = tuple[str, ...]
Value = str | int
Values = tuple[Value, ...]
Ids = NDArray[np.int64]

OVERALL = 0
"""The identity of the whole split."""
MOST_VALUES = 10_000
"""More slices than these are no slices: the column is too fine."""


@dataclass(frozen=True)
class Slice:
    """Some columns and their values; none: the whole split. A missing value is ""."""

    columns: Columns = ()
    values: Values = ()

    @property
    def named(self) -> dict[str, Value]:
        """The values by column: `{"carrier": "UA"}`."""
        return dict(zip(self.columns, self.values, strict=True))

    def __str__(self) -> str:
        """`carrier=UA, origin=EWR`."""
        return slice_name(self.named)


def check_columns(schema: pa.Schema, slices: Sequence[Columns], key: str | None = None) -> None:
    """Make sure that the rows can be sliced so, and named by the key.

    Raises:
        MissingFeatureError: A column is not among the rows'.
        DataError: A column to slice by has lists or structures.
    """
    sliced = dict.fromkeys(column for columns in slices for column in columns)
    subjects = {column: f"slice column '{column}' of `evaluation.slices`" for column in sliced}
    keys = {key: f"key '{key}'"} if key is not None else {}
    for column, subject in (*subjects.items(), *keys.items()):
        if column not in schema.names:
            raise MissingFeatureError(
                subject,
                expected="a column of the rows",
                got=f"rows with {', '.join(schema.names)}",
                remedy=did_you_mean(column, schema.names)
                or "Return it from the query, or take it out of the settings.",
            )
    for column, subject in subjects.items():
        if pa.types.is_nested(schema.field(column).type):
            raise DataError(
                subject,
                expected="one value a row",
                got=str(schema.field(column).type),
                remedy="Slice by another column, or return one value from the query.",
            )


class SliceBook:
    """Numbers the slices as they appear, the same number for the same values in every batch.

    Args:
        declared: The columns of each slicing, as configured.
    """

    def __init__(self, declared: Sequence[Columns]) -> None:
        self.slices = [Slice()]
        """By their numbers; number 0 is the whole split."""
        self._numbers: dict[Columns, dict[Values, int]] = {columns: {} for columns in declared}

    def numbered(self, batch: pa.RecordBatch) -> Iterator[Ids]:
        """For the whole split, then for each slicing: the number of every row's slice, int64 [rows].

        Raises:
            DataError: A slicing has more than `MOST_VALUES` slices.
        """
        yield np.full(batch.num_rows, OVERALL, dtype=np.int64)
        for columns in self._numbers:
            codes, values = _encoded(batch, columns)
            yield np.array([self._number(columns, each) for each in values], dtype=np.int64)[codes]

    def numbers_of(self, other: "SliceBook") -> Ids:
        """The numbers here of another book's slices, int64 [its slices]; what is new is added.

        Raises:
            DataError: A slicing has more than `MOST_VALUES` slices.
        """
        others = (self._number(each.columns, each.values) for each in other.slices[1:])
        return np.array([OVERALL, *others], dtype=np.int64)

    def ordered(self) -> list[int]:
        """The numbers of all slices but the whole split: as configured, then by value."""

        def place(values: Values) -> list[tuple[bool, Value]]:
            return [(isinstance(value, str), value) for value in values]

        return [
            numbers[values] for numbers in self._numbers.values() for values in sorted(numbers, key=place)
        ]

    def _number(self, columns: Columns, values: Values) -> int:
        numbers = self._numbers[columns]
        if values not in numbers:
            if len(numbers) >= MOST_VALUES:
                raise DataError(
                    f"slices by {' and '.join(columns)}",
                    expected=f"at most {MOST_VALUES} different values",
                    got="more",
                    remedy="Slice by a coarser column: return one from the query.",
                )
            numbers[values] = len(self.slices)
            self.slices.append(Slice(columns, values))
        return numbers[values]


def _encoded(batch: pa.RecordBatch, columns: Columns) -> tuple[Ids, list[Values]]:
    """The rows' values of some columns: a code for each row, and the values of each code."""
    encoded = [_plain(batch.column(column)).dictionary_encode(null_encoding="encode") for column in columns]
    indices = np.stack([each.indices.to_numpy() for each in encoded], axis=1)
    present, codes = np.unique(indices, axis=0, return_inverse=True)
    values = [
        [_value(value) for value in each.dictionary.take(pa.array(place)).to_pylist()]
        for each, place in zip(encoded, present.T, strict=True)
    ]
    return codes.reshape(-1).astype(np.int64), list(zip(*values, strict=True))


def slice_values(batch: pa.RecordBatch, column: str) -> "NDArray[np.object_]":
    """The value of each row by which a column slices it, object [rows]: strings and integers."""
    codes, values = _encoded(batch, (column,))
    found = np.empty(len(values), dtype=object)
    found[:] = [value for (value,) in values]
    return found[codes]


def _value(value: Value | bytes | None) -> Value:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else value


def _plain(column: "pa.Array[Any]") -> "pa.Array[Any]":
    """Integers and bytes as they are, other types as Arrow prints them; what is missing is NULL or ""."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type) or pa.types.is_binary(column.type):
        return column
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_finite(column), column, None)
    return column.cast(pa.string(), safe=False).fill_null("")
