"""Skew between splits and drift since the last accepted run: what is found, and what is not."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.unit.validate.conftest import shifted

Judge = Any
"""The fixture of conftest.py."""


def test_skew_is_a_warning_for_numbers_and_categories(judge: Judge) -> None:
    judged = judge(test=shifted(judge.made("test")))
    assert sorted(judged.found("skew")) == [("color", "test", "warning"), ("price", "test", "warning")]
    values = {one["column"]: one["value"] for one in judged.report["findings"]}
    assert values == {"color": 0.75, "price": pytest.approx(0.96, abs=0.01)}


def test_skew_can_be_an_error(judge: Judge) -> None:
    judged = judge(judge.stage(skew_is_error=True), test=shifted(judge.made("test")))
    assert {severity for _, _, severity in judged.found("skew")} == {"error"}
    assert judged.error
    assert judged.error.subject.startswith("2 errors in the data")


@pytest.mark.parametrize(("limit", "found"), [(0.75, []), (0.7499, [("color", "test", "warning")])])
def test_a_distance_at_its_limit_is_allowed(
    judge: Judge, limit: float, found: list[tuple[str, str, str]]
) -> None:
    columns = judge.made("test") | {"color": ["red"] * 400}
    assert judge(judge.stage(skew_linf=limit), test=columns).found("skew") == found


def test_ignored_columns_are_measured_and_not_found(judge: Judge) -> None:
    judged = judge(judge.stage(ignore=("price", "color")), test=shifted(judge.made("test")))
    assert judged.report["findings"] == []
    ignored = {one["column"] for one in judged.report["distances"] if one["ignored"]}
    assert ignored == {"price", "color"}


def test_a_column_may_have_its_own_limit_of_skew(judge: Judge) -> None:
    own = judge.schema.replace(
        'name: "color"', 'name: "color" skew_comparator { infinity_norm { threshold: 0.8 } }'
    ).replace(
        'name: "price"', 'name: "price" skew_comparator { jensen_shannon_divergence { threshold: 1.0 } }'
    )
    assert judge(judge.stage(own), test=shifted(judge.made("test"))).found("skew") == []


def test_drift_against_the_last_accepted_run_is_an_error(judge: Judge) -> None:
    before = judge.clean.out
    now = {split: shifted(judge.made(split)) for split in ("train", "eval", "test")}
    judged = judge(baseline=before, **now)
    assert sorted(judged.found("drift")) == [("color", "train", "error"), ("price", "train", "error")]
    found = {one["column"]: one for one in judged.report["findings"] if one["kind"] == "drift"}
    expected = "L-infinity distance from the last accepted run at most 0.2"
    assert (found["color"]["expected"], found["color"]["got"]) == (expected, "0.75")
    assert judged.error
    lenient = judge(judge.stage(drift_is_error=False), baseline=before, **now)
    assert {severity for _, _, severity in lenient.found("drift")} == {"warning"}
    assert lenient.error is None


def test_values_that_went_missing_are_drift(judge: Judge) -> None:
    before = judge.clean.out
    gone = {"price": [None] * 300 + list(judge.made("train")["price"][300:])}
    now = {split: judge.made(split) | gone for split in ("train", "eval", "test")}
    assert judge(baseline=before, **now).found("drift") == [("price", "train", "error")]


def test_an_outlier_is_no_drift(judge: Judge) -> None:
    before = judge.clean.out
    columns = judge.made("train")
    columns["price"] = [1e12, *columns["price"][1:]]
    judged = judge(baseline=before, train=columns)
    assert judged.found("drift") == []
    assert judged.found("skew") == []


def test_keys_instants_and_free_text_make_no_noise(judge: Judge) -> None:
    before = judge.clean
    later = {
        split: judge.made(split, 900)
        | {
            "id": [f"later-{split}-{i}" for i in range(900)],
            "at": pa.array(1_900_000_000_000_000 + np.arange(900), pa.timestamp("us", tz="UTC")),
            "note": [f"other text {i}" for i in range(900)],
        }
        for split in ("train", "eval", "test")
    }
    stage = judge.stage((before.out / "schema.pbtxt").read_text())
    assert judge(stage, baseline=before.out, **later).report["findings"] == []
