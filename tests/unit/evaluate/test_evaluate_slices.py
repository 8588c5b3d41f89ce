"""The same slice has the same number in every batch, and a readable name."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.evaluate.slices import MOST_VALUES, Slice, SliceBook, check_columns
from configs.errors import DataError, MissingFeatureError


def numbered(book: SliceBook, **columns: Any) -> list[list[int]]:
    batch = pa.RecordBatch.from_pydict(columns)
    return [numbers.tolist() for numbers in book.numbered(batch)]


def names(book: SliceBook) -> list[str]:
    return [str(book.slices[number]) for number in book.ordered()]


def test_a_value_keeps_its_number_from_batch_to_batch() -> None:
    book = SliceBook([("carrier",)])
    first = numbered(book, carrier=pa.array(["UA", "B6", "UA"]))
    second = numbered(book, carrier=pa.array(["EV", "B6"]))
    assert first == [[0, 0, 0], [first[1][0], first[1][1], first[1][0]]]
    assert second[1][1] == first[1][1]
    assert names(book) == ["carrier=B6", "carrier=EV", "carrier=UA"]


def test_missing_values_are_a_slice_of_their_own_also_among_integers() -> None:
    book = SliceBook([("hour",)])
    with_missing = numbered(book, hour=pa.array([5, None, 11]))
    without = numbered(book, hour=pa.array([11, 5]))
    assert without[1] == [with_missing[1][2], with_missing[1][0]]
    assert names(book) == ["hour=5", "hour=11", "hour="]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([True, False]), ["x=false", "x=true"]),
        (pa.array([0.5, float("nan")]), ["x=", "x=0.5"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["x=a", "x=b"]),
        (pa.array([b"a", b"\xff"]), ["x=a", "x=\ufffd"]),
        (pa.array([None, None]), ["x="]),
        (pa.array(["", None]), ["x="]),
        (
            pa.array([0, 86_400_000_000], pa.timestamp("us")).cast(pa.date32()),
            ["x=1970-01-01", "x=1970-01-02"],
        ),
    ],
)
def test_values_of_any_plain_type_are_named_as_arrow_prints_them(column: Any, expected: list[str]) -> None:
    book = SliceBook([("x",)])
    numbered(book, x=column)
    assert names(book) == expected


def test_a_combination_has_the_values_of_all_its_columns() -> None:
    book = SliceBook([("origin", "hour"), ("hour",)])
    found = numbered(book, origin=pa.array(["LGA", "EWR", "LGA"]), hour=pa.array([7, 7, 7]))
    assert len(set(found[1])) == 2
    assert names(book) == ["origin=EWR, hour=7", "origin=LGA, hour=7", "hour=7"]
    assert Slice(("origin", "hour"), ("LGA", 7)).named == {"origin": "LGA", "hour": 7}


def test_a_column_with_too_many_values_is_rejected() -> None:
    book = SliceBook([("id",)])
    with pytest.raises(DataError, match=f"slices by id: expected at most {MOST_VALUES} different values"):
        numbered(book, id=pa.array(np.arange(MOST_VALUES + 1)))


def test_a_misspelt_slice_column_is_rejected_with_the_nearest() -> None:
    schema = pa.schema({"carrier": pa.string(), "origin": pa.string()})
    with pytest.raises(MissingFeatureError, match=r"'carier'.*carrier, origin\. Did you mean 'carrier'"):
        check_columns(schema, [("origin", "carier")])


def test_a_nested_slice_column_is_rejected() -> None:
    schema = pa.schema({"legs": pa.list_(pa.string())})
    with pytest.raises(DataError, match=r"'legs'.*one value a row.*list"):
        check_columns(schema, [("legs",)])
