"""Raw values are the same for every stage, whatever the type in the rows."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.shared.rows.raw import check_columns, raw_batch, raw_tensors
from configs.errors import DataError, MissingFeatureError
from configs.features import Categorical, Features, Numeric

DAY = datetime.date(2013, 9, 1)


def batch(column: "pa.Array[Any]") -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"other": pa.nulls(len(column)), "x": column})


NUMBER = Features(numeric={"x": Numeric()})
CATEGORY = Features(categorical={"x": Categorical()})


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, None, -3]), [1, np.nan, -3]),
        (pa.array([1.5, None, float("nan")]), [1.5, np.nan, np.nan]),
        (pa.array([float("inf"), -float("inf"), 1e300]), [np.nan, np.nan, np.nan]),
        (pa.array([True, None, False]), [1, np.nan, 0]),
        (pa.array([Decimal("1.25"), None]), [1.25, np.nan]),
        (pa.array([7, 255], pa.uint8()), [7, 255]),
        (pa.nulls(2), [np.nan, np.nan]),
    ],
    ids=["integer", "float", "infinite", "boolean", "decimal", "unsigned", "null"],
)
def test_a_number_is_float32_and_missing_is_nan(column: Any, expected: list[float]) -> None:
    check_columns(batch(column).schema, NUMBER)
    raw = raw_batch(batch(column), NUMBER)
    assert raw.schema == pa.schema([("x", pa.float32())])
    assert raw.column("x").null_count == 0
    np.testing.assert_array_equal(raw.column("x").to_numpy(), np.array(expected, np.float32))
    np.testing.assert_array_equal(raw_tensors(batch(column), NUMBER)["x"], np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["a", None, "", "ä"]), ["a", "", "", "ä"]),
        (pa.array(["a", None], pa.large_string()), ["a", ""]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array([b"a", None]), ["a", ""]),
        (pa.array([5, None]), ["5", ""]),
        (pa.array([5.0, 0.1, float("nan"), None]), ["5", "0.1", "", ""]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.array([DAY, None]), ["2013-09-01", ""]),
        (pa.array([0, None], pa.timestamp("us", "UTC")), ["1970-01-01 00:00:00.000000Z", ""]),
        (pa.array([0, None], pa.timestamp("us")), ["1970-01-01 00:00:00.000000Z", ""]),
        (pa.nulls(2), ["", ""]),
    ],
    ids=[
        "string",
        "large",
        "dictionary",
        "bytes",
        "integer",
        "float",
        "boolean",
        "date",
        "instant",
        "plain instant",
        "null",
    ],
)
def test_a_category_is_a_string_and_missing_is_empty(column: Any, expected: list[str]) -> None:
    check_columns(batch(column).schema, CATEGORY)
    raw = raw_batch(batch(column), CATEGORY)
    assert raw.schema == pa.schema([("x", pa.string())])
    assert raw.column("x").to_pylist() == expected
    tensor = raw_tensors(batch(column), CATEGORY)["x"]
    assert tensor.dtype == object
    assert tensor.tolist() == [value.encode() for value in expected]


def test_bytes_that_are_no_text_pass_as_they_are() -> None:
    column = pa.array([b"\xff\xfe", b"ok"])
    assert raw_tensors(batch(column), CATEGORY)["x"].tolist() == [b"\xff\xfe", b"ok"]


def test_a_slice_and_an_empty_batch_are_no_exception() -> None:
    column = pa.array([1, 2, 3])
    assert raw_tensors(batch(column).slice(1, 1), NUMBER)["x"].tolist() == [2.0]
    assert raw_batch(batch(column).slice(3), CATEGORY).num_rows == 0


def test_the_features_come_in_the_order_of_declaration() -> None:
    rows = pa.RecordBatch.from_pydict({"c": ["u"], "b": [2], "a": [1]})
    features = Features(numeric={"a": Numeric(), "b": Numeric()}, categorical={"c": Categorical()})
    assert raw_batch(rows, features).schema.names == ["a", "b", "c"]


def test_a_missing_feature_is_named_with_the_columns_there_are() -> None:
    with pytest.raises(MissingFeatureError, match=r"features \['x'\].*rows with a, b"):
        check_columns(pa.schema([("a", pa.int64()), ("b", pa.int64())]), NUMBER)


@pytest.mark.parametrize("kind", [pa.string(), pa.timestamp("us"), pa.list_(pa.int64())], ids=str)
def test_what_is_no_number_cannot_be_declared_numeric(kind: Any) -> None:
    with pytest.raises(DataError, match=r"'x' is declared numeric.*features\.categorical"):
        check_columns(pa.schema([("x", kind)]), NUMBER)


@pytest.mark.parametrize("kind", [pa.list_(pa.string()), pa.struct([("y", pa.int64())])], ids=str)
def test_what_is_nested_cannot_be_declared_categorical(kind: Any) -> None:
    with pytest.raises(DataError, match=r"'x' is declared categorical: expected one value a row"):
        check_columns(pa.schema([("x", kind)]), CATEGORY)
