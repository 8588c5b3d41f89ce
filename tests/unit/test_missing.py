"""The same value is missing everywhere: raw, to the transform graph, served, validated, in golden rows."""

import math
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.evaluate.golden import instances
from components.serve.instances import Columns, columns
from components.shared.files.artifacts import shard_path
from components.shared.rows.missing import FLOAT32_MAX, is_missing, missing_values
from components.shared.rows.raw import count_missing, raw_batch
from components.shared.stage.recording import silent
from components.validate import queries
from components.validate.datasets import valued
from components.validate.parts import Request
from components.validate.statistics import compute
from configs.features import Categorical, Features, Numeric
from configs.rows import SPLITS

BEYOND = math.nextafter(FLOAT32_MAX, math.inf)
NUMBERS: list[tuple[Any, bool]] = [
    (None, True), (math.nan, True), (math.inf, True), (-math.inf, True), (BEYOND, True), (-BEYOND, True),
    (1e300, True), (FLOAT32_MAX, False), (-FLOAT32_MAX, False), (float(np.finfo(np.float32).max), False),
    (0.0, False), (-0.0, False), (1e-320, False), (1.5, False),
]  # fmt: skip
"""float64 and whether they are missing, as a person would say from the rule."""
Table = list[tuple["pa.Array[Any]", list[bool]]]
COLUMNS: Table = [
    (pa.array([value for value, _ in NUMBERS], pa.float64()), [missing for _, missing in NUMBERS]),
    (pa.array([None, math.nan, -math.inf, 1.5, 3.4e38], pa.float32()), [True, True, True, False, False]),
    (pa.array([None, 0, -(2**63), 2**63 - 1], pa.int64()), [True, False, False, False]),
    (pa.array([None, 2**64 - 1], pa.uint64()), [True, False]),
    (pa.array([None, Decimal("9" * 38)], pa.decimal128(38)), [True, False]),
    (pa.array([None, True, False]), [True, False, False]),
    (pa.nulls(1), [True]),
]
TEXTS: Table = [
    (pa.array([None, "", " ", "NULL", "nan", "NA", "a"]), [True, True, *[False] * 5]),
    (pa.array([None, "", "a"], pa.large_string()), [True, True, False]),
    (pa.array([None, b"", b"a"], pa.binary()), [True, True, False]),
    (pa.array([None, "", "a"]).dictionary_encode(), [True, True, False]),
]
NUMERIC, CATEGORICAL = Features(numeric={"x": Numeric()}), Features(categorical={"x": Categorical()})


def values_of(served: Columns) -> list[Any]:
    """The values of the only column."""
    (values,) = (*served.numeric, *served.categorical)
    return list(values.tolist())


def each(tables: Table) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("column", "missing"), tables, ids=[str(c.type) for c, _ in tables])


@each(COLUMNS + TEXTS)
def test_in_the_rows(column: "pa.Array[Any]", missing: list[bool]) -> None:
    assert missing_values(column).tolist() == missing
    assert [is_missing(value) for value in column.to_pylist()] == missing


@each(COLUMNS)
def test_as_raw_numbers_and_in_the_transform_graph(column: "pa.Array[Any]", missing: list[bool]) -> None:
    import tensorflow as tf

    from components.transform.preprocessing import is_known

    raw = raw_batch(pa.RecordBatch.from_pydict({"x": column}), NUMERIC)
    assert np.isnan(raw.column("x").to_numpy()).tolist() == missing
    assert count_missing(raw, ["x"]) == {"x": sum(missing)}
    assert (~is_known(tf.constant(raw.column("x").to_numpy())).numpy()).tolist() == missing


@each(COLUMNS + TEXTS)
def test_as_raw_categories(column: "pa.Array[Any]", missing: list[bool]) -> None:
    raw = raw_batch(pa.RecordBatch.from_pydict({"x": column}), CATEGORICAL)
    assert [text == "" for text in raw.column("x").to_pylist()] == missing
    assert count_missing(raw, ["x"]) == {"x": sum(missing)}


@pytest.mark.parametrize("features", [NUMERIC, CATEGORICAL], ids=["numeric", "categorical"])
@each(COLUMNS)
def test_in_golden_rows_and_as_they_are_served(
    column: "pa.Array[Any]", missing: list[bool], features: Features
) -> None:
    golden = instances(pa.RecordBatch.from_pydict({"x": column}), features)
    assert [row["x"] is None for row in golden] == missing
    sent = orjson.loads(orjson.dumps(golden))
    served = columns(sent, Features.raw(tuple(features.numeric), tuple(features.categorical)), {"x"})
    assert [is_missing(value) for value in values_of(served)] == missing


@pytest.mark.parametrize("features", [NUMERIC, CATEGORICAL], ids=["numeric", "categorical"])
@settings(deadline=None)  # no test is timed
@given(st.floats())
@example(FLOAT32_MAX)
@example(-BEYOND)
def test_any_float_is_missing_everywhere_or_nowhere(features: Features, value: float) -> None:
    batch = pa.RecordBatch.from_pydict({"x": pa.array([value], pa.float64())})
    missing = [is_missing(value)]
    assert missing == [not abs(value) <= FLOAT32_MAX]
    assert missing_values(batch.column("x")).tolist() == missing
    assert count_missing(raw_batch(batch, features), ["x"]) == {"x": int(missing[0])}
    assert [row["x"] is None for row in instances(batch, features)] == missing
    if math.isfinite(value):  # others are not JSON
        raw = Features.raw(tuple(features.numeric), tuple(features.categorical))
        assert [is_missing(x) for x in values_of(columns([{"x": value}], raw, {"x"}))] == missing


@pytest.mark.parametrize("as_category", [False, True])
def test_in_the_statistics_of_validate(as_category: bool, tmp_path: Path) -> None:
    """A column of one row for each value: it has a value for the model, or not."""
    tables = COLUMNS + [(c, m) for c, m in TEXTS if as_category and not pa.types.is_dictionary(c.type)]
    values = [(column[i : i + 1], missing[i]) for column, missing in tables for i in range(len(column))]
    names = [f"x{number}" for number in range(len(values))]
    table = pa.table([column for column, _ in values], names)
    for split in SPLITS:
        pq.write_table(table, shard_path(tmp_path, split, 0))
    with queries.engine("1GB", 1, tmp_path / "spill") as engine:
        request = Request(categories=names if as_category else ())
        found = compute(engine, tmp_path, request, tmp_path / "spill", silent)
    features = found.features("train")
    assert {name: valued(features[name]) == 0 for name in names} == {
        name: missing for name, (_, missing) in zip(names, values, strict=True)
    }
