"""What is found in the values of a column."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from components.validate.numbers import EXACT

Judge = Any
"""The fixture of conftest.py."""


@pytest.mark.parametrize(("strangers", "severity"), [(4, "warning"), (5, "error"), (400, "error")])
def test_unseen_categories_are_a_warning_up_to_the_limit_and_an_error_beyond(
    judge: Judge, strangers: int, severity: str
) -> None:
    columns = judge.made("test")
    columns["color"] = [*["mauve"] * strangers, *columns["color"][strangers:]]
    judged = judge(judge.stage(judge.schema, max_new_values=0.01), test=columns)
    assert judged.found("domain") == [("color", "test", severity)]
    finding = judged.one("domain")
    assert (finding["value"], finding["limit"]) == (strangers / 400, 0.01)
    assert "'mauve'" in finding["got"]


def test_a_column_may_have_its_own_limit_for_unseen_categories(judge: Judge) -> None:
    lenient = judge.schema.replace(
        'name: "color"', 'name: "color" distribution_constraints { min_domain_mass: 0.9 }'
    )
    columns = judge.made("test")
    columns["color"] = [*["mauve"] * 40, *columns["color"][40:]]
    assert judge(judge.stage(lenient), test=columns).found("domain") == [("color", "test", "warning")]


def test_a_missing_category_is_not_unseen(judge: Judge) -> None:
    columns = judge.made("test")
    columns["color"] = ["", None, *columns["color"][2:]]
    assert judge(judge.stage(judge.schema), test=columns).found("domain") == []


@pytest.mark.parametrize(("outside", "severity"), [(0, None), (4, "warning"), (5, "error")])
@pytest.mark.parametrize("column", ["price", "rooms"])
def test_numbers_out_of_range_are_a_warning_up_to_the_limit_and_an_error_beyond(
    judge: Judge, column: str, outside: int, severity: str | None
) -> None:
    domain = {"price": "float_domain { min: 0 max: 11 }", "rooms": "int_domain { min: 0 max: 5 }"}[column]
    ranged = judge.schema.replace(f'name: "{column}"', f'name: "{column}" {domain}')
    columns = judge.made("eval")
    columns[column] = [*np.array([99] * outside, columns[column].dtype), *columns[column][outside:]]
    judged = judge(judge.stage(ranged), eval=columns)
    assert judged.found("range") == ([(column, "eval", severity)] if severity else [])


def test_exploding_categories_are_an_error(judge: Judge) -> None:
    calm = {
        split: judge.made(split) | {"color": [f"c{i % 20}" for i in range(400)]}
        for split in ("train", "test")
    }
    schema = (
        judge(judge.stage(max_domain_values=10), **calm, eval=calm["test"]).out / "schema.pbtxt"
    ).read_text()
    assert "unique_constraints { max: 40 }" in schema
    wild = judge.made("eval") | {"color": [f"c{i % 41}" for i in range(400)]}
    finding = judge(judge.stage(schema), **calm, eval=wild).one("cardinality")
    assert (finding["severity"], finding["value"], finding["limit"]) == ("error", 41, 40)
    grown = judge.made("eval") | {"color": [f"c{i % 40}" for i in range(400)]}
    assert judge(judge.stage(schema), **calm, eval=grown).found("cardinality") == []


def test_a_feature_that_names_rows_is_a_warning(judge: Judge) -> None:
    splits = {
        split: judge.made(split) | {"color": [f"{split}-{i}" for i in range(400)]}
        for split in ("train", "eval", "test")
    }
    judged = judge(**splits)
    assert ("color", "train", "warning") in judged.found("cardinality")


def test_infinities_are_a_warning_and_an_error_where_the_schema_forbids_them(judge: Judge) -> None:
    columns = judge.made("train")
    columns["price"] = [float("inf"), 1e39, *columns["price"][2:]]
    finding = judge(train=columns).one("non_finite")
    assert (finding["severity"], finding["got"]) == ("warning", "2 infinite, 0 NaN")
    strict = judge.schema.replace('name: "price"', 'name: "price" float_domain { disallow_inf: true }')
    assert judge(judge.stage(strict), train=columns).found("non_finite") == [("price", "train", "error")]


def test_nan_is_a_missing_value_unless_the_schema_forbids_it(judge: Judge) -> None:
    columns = judge.made("train")
    columns["price"] = [float("nan"), *columns["price"][1:]]
    assert judge(train=columns).found("non_finite") == []
    strict = judge.schema.replace('name: "price"', 'name: "price" float_domain { disallow_nan: true }')
    assert judge(judge.stage(strict), train=columns).found("non_finite") == [("price", "train", "error")]


@pytest.mark.parametrize(
    ("column", "values", "got"),
    [
        ("price", [7.5] * 400, "always 7.5"),
        ("color", ["red"] * 400, "always 'red'"),
        ("price", pa.nulls(400, pa.float64()), "no value at all"),
        ("color", pa.nulls(400, pa.string()), "no value at all"),
        ("price", [float("nan")] * 400, "no value at all"),
        ("color", [""] * 400, "no value at all"),
    ],
)
def test_a_constant_feature_is_a_warning(judge: Judge, column: str, values: Any, got: str) -> None:
    splits = {split: judge.made(split) | {column: values} for split in ("train", "eval", "test")}
    judged = judge(**splits)
    assert judged.found("constant") == [(column, "train", "warning")]
    assert judged.one("constant")["got"] == got
    assert judged.error is None


def test_a_feature_that_is_there_or_not_is_not_constant(judge: Judge) -> None:
    sometimes = {"price": [1.0 if i % 2 else None for i in range(400)]}
    splits = {split: judge.made(split) | sometimes for split in ("train", "eval", "test")}
    assert judge(**splits).found("constant") == []


@pytest.mark.parametrize("split", ["train", "eval", "test"])
def test_a_constant_label_is_an_error_in_any_split(judge: Judge, split: str) -> None:
    judged = judge(**{split: judge.made(split) | {"bought": [0] * 400}})
    assert judged.found("constant") == [("bought", split, "error")]
    finding = judged.one("constant")
    assert (finding["expected"], finding["got"]) == ("both 0 and 1", "always 0")
    assert judged.error


@pytest.mark.parametrize(
    ("kind", "values", "got"),
    [
        ("domain", [0, 1, 2, 7] * 100, "'2', '7'"),
        ("presence", [0, 1, None, 1] * 100, "100 without"),
    ],
)
def test_a_label_that_is_not_binary_or_not_there_is_an_error(
    judge: Judge, kind: str, values: Any, got: str
) -> None:
    judged = judge(eval=judge.made("eval") | {"bought": values})
    assert judged.found(kind) == [("bought", "eval", "error")]
    assert judged.one(kind)["got"] == got


def test_a_key_that_comes_twice_is_a_warning(judge: Judge) -> None:
    columns = judge.made("test")
    columns["id"] = ["same", "same", *columns["id"][2:]]
    finding = judge(test=columns).one("duplicate_key")
    assert (finding["split"], finding["severity"]) == ("test", "warning")
    assert finding["got"] == "1 rows with a key that was there: 'same' 2 times"


@pytest.mark.parametrize("again", [0, 3_000])
def test_a_key_of_more_values_than_are_kept_is_still_seen_to_come_twice(judge: Judge, again: int) -> None:
    rows = 2 * EXACT
    ids = [f"id-{i % (rows - again)}" for i in range(rows)]
    judged = judge(train=judge.made("train", rows) | {"id": ids})
    assert judged.found("duplicate_key") == ([("id", "train", "warning")] if again else [])
    if again:
        finding = judged.one("duplicate_key")
        assert finding["value"] * rows == pytest.approx(again, rel=0.25)
        assert finding["got"].startswith("about ")
