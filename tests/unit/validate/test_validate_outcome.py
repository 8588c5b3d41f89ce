"""What validation writes and says, and rows that it cannot judge."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.protobuf import text_format
from rich.console import Console
from tensorflow_metadata.proto.v0 import anomalies_pb2, statistics_pb2

from components.shared.stage.recording import silent
from components.validate import core, queries
from components.validate.outcome import table
from configs.errors import EmptySplitError, NoSpaceError, SettingsError, UnreadableFileError
from tests.errors import raises
from tests.unit.validate.conftest import shifted, without

Judge = Any
"""The fixture of conftest.py."""


def test_everything_is_written_before_the_run_is_rejected(judge: Judge) -> None:
    judged = judge(eval=judge.made("eval") | {"bought": [1] * 400}, test=shifted(judge.made("test")))
    written = sorted(path.name for path in judged.out.iterdir())
    assert written == ["anomalies.pbtxt", "findings.json", "schema.pbtxt", "statistics.pb"]
    message = text_format.Parse((judged.out / "anomalies.pbtxt").read_text(), anomalies_pb2.Anomalies())
    kinds = anomalies_pb2.AnomalyInfo
    assert message.anomaly_info["bought"].severity == kinds.ERROR
    assert message.anomaly_info["price"].severity == kinds.WARNING
    assert message.anomaly_info["price"].reason[0].type == kinds.COMPARATOR_JENSEN_SHANNON_DIVERGENCE_HIGH
    assert {info.path.step[0] for info in message.drift_skew_info} >= {"price", "color", "bought"}
    assert judged.error
    assert judged.error.subject.startswith("1 error, 3 warnings in the data: bought (eval)")
    assert f"All findings: {judged.out}/findings.json" in judged.error.remedy
    assert "schema.pbtxt" in judged.error.remedy


def test_the_message_names_the_worst_and_counts_the_others(judge: Judge) -> None:
    gone = judge.made("train")
    for column in ("price", "rooms", "color", "sunny"):
        gone = without(gone, column)
    error = judge(train=gone).error
    assert error
    assert error.subject.startswith("4 errors")
    assert error.subject.endswith("; 1 more")


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


def test_an_empty_split_is_named(judge: Judge) -> None:
    empty = {name: pa.array(values)[:0] for name, values in judge.made("eval").items()}
    with raises(EmptySplitError, subject="split 'eval'", expected="at least one row", got="none"):
        judge(eval=empty)


def test_a_corrupt_shard_leaves_nothing_behind(judge: Judge, tmp_path: Path) -> None:
    rows = judge.write_rows(tmp_path / "rows")
    (rows / "test" / "part-00001.parquet").write_bytes(b"PAR1 and then nothing of use")
    out = tmp_path / "written" / "statistics"
    expected, remedy = "Parquet shards of equal columns", re.compile("from `ingest`")
    with raises(UnreadableFileError, subject=f"the rows in {rows}", expected=expected, remedy=remedy):
        core.run(rows, judge.stage(), None, out, silent)
    assert list(out.parent.iterdir()) == []


def test_too_little_memory_is_a_matter_of_settings(judge: Judge, tmp_path: Path) -> None:
    rows, out = judge.write_rows(tmp_path / "rows"), tmp_path / "written" / "statistics"
    expected, remedy = re.compile("enough memory"), re.compile("Raise it")
    with raises(SettingsError, subject="validation.memory_limit", expected=expected, remedy=remedy):
        core.run(rows, judge.stage(memory_limit="200KB"), None, out, silent)
    assert list(out.parent.iterdir()) == []


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    remedy = re.compile(r"raise validation\.memory_limit")
    with raises(NoSpaceError, remedy=remedy), queries.translate_statistics_errors(tmp_path):
        raise duckdb.IOException("IO Error: No space left on device")


def test_shards_that_do_not_fit_together_are_rejected(judge: Judge, tmp_path: Path) -> None:
    rows = judge.write_rows(tmp_path / "rows")
    pq.write_table(pa.table({"other": [1, 2]}), rows / "eval" / "part-00002.parquet")
    with raises(UnreadableFileError, expected="Parquet shards of equal columns"):
        core.run(rows, judge.stage(), None, tmp_path / "statistics", silent)


def test_a_broken_schema_stops_before_any_work(judge: Judge, tmp_path: Path) -> None:
    with raises(SettingsError, subject=re.compile(r"^schema\.pbtxt:1:")):
        core.run(tmp_path / "no rows at all", judge.stage("featur {}"), None, tmp_path / "out", silent)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"\xff\xff not a message", b""])
def test_a_broken_baseline_stops_before_any_work(judge: Judge, tmp_path: Path, content: bytes | None) -> None:
    (tmp_path / "accepted").mkdir()
    if content is not None:
        (tmp_path / "accepted" / "statistics.pb").write_bytes(content)
    expected = re.compile("the statistics of the last accepted run")
    with raises(UnreadableFileError, subject=str(tmp_path / "accepted" / "statistics.pb"), expected=expected):
        core.run(tmp_path / "no rows", judge.stage(), tmp_path / "accepted", tmp_path / "out", silent)


def test_statistics_of_an_earlier_version_are_a_baseline(judge: Judge, tmp_path: Path) -> None:
    text = Path(__file__).with_name("accepted_before.pbtxt").read_text()
    before = text_format.Parse(text, statistics_pb2.DatasetFeatureStatisticsList())
    (tmp_path / "accepted").mkdir()
    (tmp_path / "accepted" / "statistics.pb").write_bytes(before.SerializeToString())
    drifts = [
        one for one in judge(baseline=tmp_path / "accepted").report["distances"] if one["kind"] == "drift"
    ]
    assert {one["column"]: one["value"] for one in drifts} == dict.fromkeys(
        ("price", "rooms", "color", "sunny", "bought"), 0
    )
