"""Every kind of finding is found in rows made for it, and in clean rows there is none."""

import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import text_format
from rich.console import Console
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.recording import silent
from components.validate import core, queries
from components.validate.table import table
from configs.errors import EmptySplitError, NoSpaceError, SettingsError, UnreadableFileError

Judge = Any
"""The fixture of conftest.py."""


def without(columns: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: values for key, values in columns.items() if key != name}


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


# --- columns ------------------------------------------------------------------------------------


def test_a_feature_that_is_missing_is_an_error(judge: Judge) -> None:
    judged = judge(train=without(judge.made("train"), "price"))
    assert judged.found("missing_column") == [("price", "train", "error")]
    assert "price (train): expected a feature, the label or the key, got no such column" in str(judged.error)


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


# --- presence -----------------------------------------------------------------------------------


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


# --- values -------------------------------------------------------------------------------------


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
    assert "expected both 0 and 1, got always 0" in str(judged.error)


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


# --- distributions ------------------------------------------------------------------------------


def shifted(columns: dict[str, Any]) -> dict[str, Any]:
    return columns | {"price": np.asarray(columns["price"]) + 5, "color": ["red"] * len(columns["color"])}


def test_skew_is_a_warning_for_numbers_and_categories(judge: Judge) -> None:
    judged = judge(test=shifted(judge.made("test")))
    assert sorted(judged.found("skew")) == [("color", "test", "warning"), ("price", "test", "warning")]
    values = {one["column"]: one["value"] for one in judged.report["findings"]}
    assert values == {"color": 0.75, "price": pytest.approx(0.96, abs=0.01)}


def test_skew_can_be_an_error(judge: Judge) -> None:
    judged = judge(judge.stage(skew_is_error=True), test=shifted(judge.made("test")))
    assert {severity for _, _, severity in judged.found("skew")} == {"error"}
    assert "2 errors in the data" in str(judged.error)


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
    assert "expected L-infinity distance from the last accepted run at most 0.2, got 0.75" in str(
        judged.error
    )
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


# --- what is written ----------------------------------------------------------------------------


def test_everything_is_written_before_the_run_is_refused(judge: Judge) -> None:
    judged = judge(eval=judge.made("eval") | {"bought": [1] * 400}, test=shifted(judge.made("test")))
    written = sorted(path.name for path in judged.out.iterdir())
    assert written == ["anomalies.pbtxt", "findings.json", "schema.pbtxt", "statistics.pb"]
    message = text_format.Parse((judged.out / "anomalies.pbtxt").read_text(), anomalies_pb2.Anomalies())
    kinds = anomalies_pb2.AnomalyInfo
    assert message.anomaly_info["bought"].severity == kinds.ERROR
    assert message.anomaly_info["price"].severity == kinds.WARNING
    assert message.anomaly_info["price"].reason[0].type == kinds.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH
    assert {info.path.step[0] for info in message.drift_skew_info} >= {"price", "color", "bought"}
    error = str(judged.error)
    assert "1 error, 3 warnings in the data: bought (eval)" in error
    assert f"All findings: {judged.out}/findings.json" in error
    assert "schema.pbtxt" in error


def test_the_message_names_the_worst_and_counts_the_others(judge: Judge) -> None:
    gone = judge.made("train")
    for column in ("price", "rooms", "color", "sunny"):
        gone = without(gone, column)
    error = str(judge(train=gone).error)
    assert "4 errors" in error
    assert "; 1 more" in error


def test_the_table_shows_every_finding(judge: Judge, capsys: pytest.CaptureFixture[str]) -> None:
    judged = judge(eval=judge.made("eval") | {"bought": [1] * 400}, test=shifted(judge.made("test")))
    logged = capsys.readouterr().out
    console = Console(width=150, record=True, quiet=False)
    console.print(table(json.loads((judged.out / "findings.json").read_text())))
    shown = console.export_text()
    for text in (
        "1 error, 3 warnings in the data (train 400, eval 400, test 400 rows)",
        "always 1",
        "0.75 / 0.3",
    ):
        assert text in logged
        assert text in shown


def test_the_table_of_clean_rows_says_so(judge: Judge) -> None:
    console = Console(width=150, record=True)
    console.print(table(judge.clean.report))
    assert "Nothing wrong with the data" in console.export_text()


def test_the_same_rows_give_the_same_files(judge: Judge) -> None:
    first, second = (judge(test=shifted(judge.made("test"))).out for _ in range(2))
    for name in ("statistics.pb", "schema.pbtxt", "anomalies.pbtxt", "findings.json"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


# --- what cannot be judged ----------------------------------------------------------------------


def test_an_empty_split_is_named(judge: Judge) -> None:
    empty = {name: pa.array(values)[:0] for name, values in judge.made("eval").items()}
    with pytest.raises(EmptySplitError, match="split 'eval': expected at least one row, got none"):
        judge(eval=empty)


def test_a_corrupt_shard_leaves_nothing_behind(judge: Judge, tmp_path: Path) -> None:
    rows = judge.write_rows(tmp_path / "rows")
    (rows / "test" / "part-00001.parquet").write_bytes(b"PAR1 and then nothing of use")
    out = tmp_path / "written" / "statistics"
    with pytest.raises(UnreadableFileError, match=r"expected Parquet shards of equal columns.*from `ingest`"):
        core.run(rows, judge.stage(), None, out, silent)
    assert list(out.parent.iterdir()) == []


def test_too_little_memory_is_a_matter_of_settings(judge: Judge, tmp_path: Path) -> None:
    rows, out = judge.write_rows(tmp_path / "rows"), tmp_path / "written" / "statistics"
    with pytest.raises(SettingsError, match=r"validation\.memory_limit: expected enough memory.*Raise it"):
        core.run(rows, judge.stage(memory_limit="200KB"), None, out, silent)
    assert list(out.parent.iterdir()) == []


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    error = queries.explained(duckdb.IOException("IO Error: No space left on device"), tmp_path)
    assert isinstance(error, NoSpaceError)
    assert "raise validation.memory_limit" in str(error)


def test_shards_that_do_not_fit_together_are_refused(judge: Judge, tmp_path: Path) -> None:
    rows = judge.write_rows(tmp_path / "rows")
    pq.write_table(pa.table({"other": [1, 2]}), rows / "eval" / "part-00002.parquet")
    with pytest.raises(UnreadableFileError, match="expected Parquet shards of equal columns"):
        core.run(rows, judge.stage(), None, tmp_path / "statistics", silent)


def test_a_broken_schema_stops_before_any_work(judge: Judge, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"schema\.pbtxt:1:"):
        core.run(tmp_path / "no rows at all", judge.stage("featur {}"), None, tmp_path / "out", silent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"\xff\xff not a message", b""])
def test_a_broken_baseline_stops_before_any_work(judge: Judge, tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "accepted").mkdir()
    if content is not None:
        (tmp_path / "accepted" / "statistics.pb").write_bytes(content)
    with pytest.raises(UnreadableFileError, match="the statistics of the last accepted run"):
        core.run(tmp_path / "no rows", judge.stage(), tmp_path / "accepted", tmp_path / "out", silent)


def test_a_baseline_is_a_path_a_uri_or_nothing() -> None:
    assert core.baseline_folder("") is None
    assert core.baseline_folder("output/x") == Path("output/x")
    assert core.baseline_folder("file:///a/b") == Path("/a/b")
