"""What is found in columns and their presence; in clean rows there is nothing."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.unit.validate.conftest import without

Judge = Any
"""The fixture of conftest.py."""


def test_clean_rows_have_no_finding(judge: Judge) -> None:
    assert judge.clean.report["findings"] == []
    assert judge.clean.error is None
    assert judge.clean.report["rows"] == {"train": 400, "eval": 400, "test": 400}


def test_a_schema_accepts_the_rows_it_was_inferred_from(judge: Judge) -> None:
    assert judge(judge.stage(judge.schema)).report["findings"] == []


def test_the_same_rows_have_not_drifted(judge: Judge) -> None:
    report = judge(baseline=judge.clean.out).report
    assert report["findings"] == []
    drifts = [one for one in report["distances"] if one["kind"] == "drift"]
    assert {one["column"] for one in drifts} == {"price", "rooms", "color", "sunny", "bought"}
    assert all(one["value"] == 0 for one in drifts)


def test_a_feature_that_is_missing_is_an_error(judge: Judge) -> None:
    judged = judge(train=without(judge.made("train"), "price"))
    assert judged.found("missing_column") == [("price", "train", "error")]
    finding = judged.one("missing_column")
    assert (finding["expected"], finding["got"]) == ("a feature, the label or the key", "no such column")
    assert judged.error


def test_a_column_that_only_one_split_lacks_is_found_there(judge: Judge) -> None:
    assert judge(test=without(judge.made("test"), "color")).found("missing_column") == [
        ("color", "test", "error")
    ]


def test_a_missing_column_that_nothing_uses_is_a_warning(judge: Judge) -> None:
    splits = {split: without(judge.made(split), "note") for split in ("train", "eval", "test")}
    judged = judge(judge.stage(judge.schema), **splits)
    assert judged.found("missing_column") == [("note", "train", "warning")]
    assert judged.error is None


def test_an_ignored_column_that_does_not_exist_is_a_warning(judge: Judge) -> None:
    assert judge(judge.stage(ignore=("prise",))).found("missing_column") == [("prise", "train", "warning")]


def test_an_unexpected_column_is_a_warning(judge: Judge) -> None:
    judged = judge(judge.stage(judge.schema), train=judge.made("train") | {"fresh": [1.5] * 400})
    assert judged.found("new_column") == [("fresh", "train", "warning")]
    assert judged.report["findings"][0]["got"] == "DOUBLE, unknown to it"


@pytest.mark.parametrize(
    ("column", "values", "severity"),
    [
        ("price", ["cheap"] * 400, "error"),
        ("price", [3] * 400, "warning"),
        ("rooms", np.linspace(0.0, 5.0, 400), "error"),
        ("color", [7] * 400, "error"),
        ("sunny", [1] * 400, "error"),
        ("note", [1] * 400, "warning"),
    ],
    ids=["string for float", "integer for float", "float for integer", "category", "boolean", "not used"],
)
def test_a_changed_type_is_found(judge: Judge, column: str, values: Any, severity: str) -> None:
    judged = judge(judge.stage(judge.schema), eval=judge.made("eval") | {column: values})
    assert judged.found("type") == [(column, "eval", severity)]


def test_a_numeric_feature_that_holds_text_is_an_error_without_a_schema(judge: Judge) -> None:
    splits = {split: judge.made(split) | {"price": ["12"] * 400} for split in ("train", "eval", "test")}
    finding = judge(**splits).one("type")
    assert (finding["severity"], finding["expected"]) == ("error", "a number, as the feature is numeric")
    assert finding["got"] == "VARCHAR"


def test_a_list_is_no_category(judge: Judge) -> None:
    splits = {split: judge.made(split) | {"color": [["red"]] * 400} for split in ("train", "eval", "test")}
    assert judge(**splits).one("type")["got"] == "VARCHAR[]"


def test_a_type_that_changed_since_the_last_run_is_an_error_even_where_the_schema_is_inferred(
    judge: Judge,
) -> None:
    before = judge.clean.out
    splits = {split: judge.made(split) | {"color": np.arange(400) % 3} for split in ("train", "eval", "test")}
    finding = judge(baseline=before, **splits).one("type")
    assert finding["expected"] == "STRING, as in the last accepted run"
    assert (finding["severity"], finding["got"]) == ("error", "BIGINT")


@pytest.mark.parametrize(
    ("column", "nothing", "gone", "severity"),
    [
        ("price", None, 1, "warning"),
        ("price", None, 40, "warning"),
        ("price", None, 41, "error"),
        ("price", float("nan"), 400, "error"),
        ("price", float("-inf"), 41, "error"),
        ("color", "", 40, "warning"),
        ("color", "", 400, "error"),
        ("color", None, 41, "error"),
    ],
)
def test_lost_presence_is_a_warning_up_to_the_limit_and_an_error_beyond(
    judge: Judge, column: str, nothing: Any, gone: int, severity: str
) -> None:
    columns = judge.made("test")
    columns[column] = [*[nothing] * gone, *list(columns[column])[gone:]]
    judged = judge(judge.stage(judge.schema, max_missing_increase=0.1), test=columns)
    assert judged.found("presence") == [(column, "test", severity)]
    assert judged.one("presence")["value"] == gone / 400


def test_a_column_with_gaps_may_have_a_few_more(judge: Judge) -> None:
    train = judge.made("train") | {"price": [None if i % 3 == 0 else float(i) for i in range(400)]}
    test = judge.made("test") | {"price": [None if i % 5 < 2 else float(i) for i in range(400)]}
    assert judge(train=train, eval=train, test=test).found("presence") == []


def test_a_column_that_was_hardly_there_must_not_vanish(judge: Judge) -> None:
    rare = judge.made("train") | {"price": [i / 7 if i % 20 == 0 else None for i in range(400)]}
    schema = (judge(train=rare, eval=rare, test=rare).out / "schema.pbtxt").read_text()
    never = rare | {"price": pa.nulls(400, pa.float64())}
    assert judge(judge.stage(schema), train=rare, eval=never, test=rare).found("presence") == [
        ("price", "eval", "error")
    ]
