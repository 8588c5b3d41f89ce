"""JSON instances become the very columns that the same rows have in Parquet."""

import math
import subprocess
import sys
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.serve.instances import Columns, columns, joined
from components.shared.rows.raw import raw_tensors
from configs.features import Features

RAW = Features.raw(("n",), ("c",))
FEATURES = Features.model_validate({"numeric": {"n": {}}, "categorical": {"c": {}}})
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def as_served(values: list[dict[str, Any]]) -> Columns:
    """Through JSON, as a client would send them."""
    return columns(orjson.loads(orjson.dumps(values)), RAW, {*RAW.columns})


@settings(deadline=None)  # no test is timed
@given(st.lists(st.one_of(st.none(), FLOATS), min_size=1, max_size=20))
def test_a_number_is_the_same_served_and_in_parquet(numbers: list[float | None]) -> None:
    batch = pa.RecordBatch.from_pydict(
        {"n": pa.array(numbers, pa.float64()), "c": pa.array([""] * len(numbers))}
    )
    served = as_served([{"n": number} for number in numbers])
    np.testing.assert_array_equal(served.numeric[0], raw_tensors(batch, FEATURES)["n"])


CATEGORIES = [
    (pa.string(), st.text(st.characters(exclude_categories=["Cs"]))),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.bool_(), st.booleans()),
    (pa.float64(), FLOATS),
]


@pytest.mark.parametrize(("kind", "values"), CATEGORIES, ids=[str(kind) for kind, _ in CATEGORIES])
def test_a_category_is_the_same_served_and_in_parquet(kind: pa.DataType, values: Any) -> None:
    @settings(deadline=None)  # no test is timed
    @given(st.lists(st.one_of(st.none(), values), min_size=1, max_size=20))
    def same(categories: list[Any]) -> None:
        batch = pa.RecordBatch.from_pydict(
            {"n": pa.array([0.0] * len(categories)), "c": pa.array(categories, kind)}
        )
        served = as_served([{"c": category} for category in categories]).categorical[0]
        offline = raw_tensors(batch, FEATURES)["c"]
        assert [text.encode() for text in served] == list(offline)

    same()


@settings(deadline=None)  # no test is timed
@given(st.integers(-12, 16), st.floats(1.0, 10.0))
def test_a_fraction_is_written_as_arrow_writes_it(power: int, digits: float) -> None:
    value = digits * 10.0**power
    (served,) = as_served([{"c": value}]).categorical[0]
    assert served == str(pa.array([value]).cast(pa.string())[0])


def test_a_category_that_is_a_fraction_needs_no_pyarrow() -> None:
    code = """
import sys
sys.modules["pyarrow"] = None  # as in the server's image
from components.serve.instances import columns
from configs.features import Features
print(columns([{"c": 5.0}, {"c": 1e-7}], Features.raw((), ("c",)), {"c"}).categorical.tolist())
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[['5', '1e-7']]\n"


@pytest.mark.parametrize("number", [math.inf, -math.inf, 3.5e38, -1e300])
def test_a_number_that_float32_cannot_hold_is_missing(number: float) -> None:
    assert np.isnan(columns([{"n": number}], RAW, {*RAW.columns}).numeric).all()


def test_booleans_are_numbers_where_a_number_is_wanted() -> None:
    served = as_served([{"n": True}, {"n": False}])
    assert served.numeric.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("features", "shapes"),
    [(Features.raw(("n",), ()), ((1, 2), (0, 2))), (Features.raw((), ("c",)), ((0, 2), (1, 2)))],
)
def test_a_model_may_have_features_of_one_kind_only(
    features: Features, shapes: tuple[tuple[int, int], ...]
) -> None:
    served = columns([{}, {}], features, {*features.columns})
    assert (served.numeric.shape, served.categorical.shape) == shapes
    assert joined([served, served]).rows == 4
