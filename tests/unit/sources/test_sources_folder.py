"""A folder of files as tables: Parquet, CSV and TFRecord, and the file to blame when one is broken."""

import gzip
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.sources import open_source
from configs.errors import SourceError, UnreadableFileError
from configs.rows import Ingest, Source
from tests.errors import raises

CSV = "id,price,name,at\n1,2.5,ann,2020-01-01 10:00:00\n2,NA,,2020-01-02 00:00:00\n3,4,it's,\n"


def _parquet(path: Path, **columns: list[Any]) -> Path:
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


def test_each_file_and_each_sub_folder_is_a_table(folder: Path) -> None:
    _parquet(folder / "a.parquet", x=[1])
    _parquet(folder / "parts/0.parquet", x=[1])
    _parquet(folder / "parts/1.parquet", x=[2])
    (folder / "c.csv").write_text(CSV)
    (folder / "d.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    (folder / "_SUCCESS").touch()
    (folder / "notes.txt").write_text("not a table")
    assert sorted(open_source(f"file://{folder}").tables()) == ["a", "c", "d", "parts"]


def test_tables_of_all_formats_are_joined(ask: Any, folder: Path) -> None:
    _parquet(folder / "parts/0.parquet", id=[1, 2], color=["red", "blue"])
    _parquet(folder / "parts/1.parquet", id=[3], color=["green"])
    (folder / "things.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    sql = "SELECT t.name, p.color FROM things AS t JOIN parts AS p ON p.id = t.id ORDER BY t.id"
    assert ask(f"file://{folder}", sql) == [
        {"name": "ann", "color": "red"},
        {"name": None, "color": "blue"},
        {"name": "it's", "color": "green"},
    ]


def test_columns_that_only_some_files_have_are_missing_in_the_others(ask: Any, folder: Path) -> None:
    _parquet(folder / "parts/0.parquet", id=[1])
    _parquet(folder / "parts/1.parquet", id=[2], extra=["x"])
    assert ask(f"file://{folder}") == [{"id": 1, "extra": None}, {"id": 2, "extra": "x"}]


def test_a_csv_keeps_its_types_around_missing_values(ask: Any, folder: Path) -> None:
    (folder / "t.csv").write_text(CSV)
    first, second, third = ask(f"file://{folder}")
    assert (first["id"], first["price"], first["name"]) == (1, 2.5, "ann")
    assert (second["price"], second["name"], third["at"]) == (None, None, None)
    assert str(first["at"]) == "2020-01-01 10:00:00+00:00"


def test_what_counts_as_missing_is_a_setting(folder: Path) -> None:
    (folder / "t.csv").write_text("country,n\nNA,1\nFR,?\n")
    source = open_source(f"file://{folder}", Ingest(csv_missing=("?",)))
    with source.rows(Source()) as rows:
        rows.materialize()
        (batch,) = rows.select("SELECT * FROM result ORDER BY country")
        assert batch.to_pylist() == [{"country": "FR", "n": None}, {"country": "NA", "n": 1}]


def test_a_single_file_is_a_folder_of_one_table(ask: Any, folder: Path) -> None:
    (folder / "t.csv").write_text("a\n1\n")
    (folder / "u.csv").write_text("a\n2\n")
    assert ask(f"file://{folder / 'u.csv'}") == [{"a": 2}]


def test_the_fingerprint_follows_the_content_of_the_tables_read(folder: Path) -> None:
    (folder / "t.csv").write_text("a\n1\n")
    (folder / "u.csv").write_text("a\n1\n")
    source, selection = open_source(f"file://{folder}"), Source(sql="SELECT a FROM t")
    before = source.fingerprint(selection)
    (folder / "u.csv").write_text("a\n2\n")
    (folder / "t.csv").touch()
    assert source.fingerprint(selection) == before
    (folder / "t.csv").write_text("a\n2\n")
    assert source.fingerprint(selection) != before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bad.parquet", b"PAR1 is how it begins, but not how it goes on"),
        ("bad.parquet", b""),
        ("bad.csv.gz", b"not gzip at all"),
        ("bad.csv", b"a,b\n1,2\n\xff\xfe\xfa,3\n"),
        ("bad.csv", b"a,b\n1,2\n3,4,5\n6\n"),
    ],
    ids=["parquet", "empty", "gzip", "encoding", "widths"],
)
def test_a_file_that_cannot_be_read_is_named(ask: Any, folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with raises(UnreadableFileError, subject=re.compile(re.escape(name))):
        ask(f"file://{folder}")


def test_the_corrupt_one_of_many_files_is_named(ask: Any, folder: Path) -> None:
    for part in range(3):
        path = _parquet(folder / f"t/{part}.parquet", x=[float(n * 7919 % 104729) for n in range(50_000)])
    whole = path.read_bytes()
    path.write_bytes(whole[:2000] + bytes(5000) + whole[7000:])
    with raises(UnreadableFileError, subject=re.compile(r"t/2\.parquet$"), expected="a Parquet file"):
        ask(f"file://{folder}", "SELECT SUM(x) AS total FROM t")


def test_a_type_that_changes_late_in_a_csv_is_taken_as_text(ask: Any, folder: Path) -> None:
    (folder / "t.csv").write_text("a\n" + "1\n" * 30_000 + "x\n")
    (row,) = ask(f"file://{folder}", "SELECT COUNT(*) AS n, MAX(a) AS last FROM t")
    assert row == {"n": 30_001, "last": "x"}


def test_a_string_of_ten_megabytes_is_read(ask: Any, folder: Path) -> None:
    (folder / "t.csv").write_text(f"a,b\n1,x\n2,{'y' * 10_000_000}\n")
    assert ask(f"file://{folder}", "SELECT MAX(LENGTH(b)) AS longest FROM t") == [{"longest": 10_000_000}]


def test_hidden_and_unfinished_files_are_passed_over(ask: Any, folder: Path) -> None:
    for name in ("t/0.csv", "t/_temporary/1.csv", "t/.part.csv", ".cache/2.csv", "_tmp.csv"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("a\n1\n")
    assert ask(f"file://{folder}") == [{"a": 1}]


def test_a_name_full_of_wildcards_is_only_a_name(ask: Any, folder: Path) -> None:
    (folder / "a[1]*.csv").write_text("a\n1\n")
    (folder / "a1x.csv").write_text("a\n2\n")
    assert ask(f"file://{folder}", "SELECT a FROM `a[1]*`") == [{"a": 1}]


def test_an_empty_folder_says_what_it_may_hold(ask: Any, folder: Path) -> None:
    (folder / "data.xlsx").touch()
    with raises(SourceError, expected=re.compile(r"\*\.parquet, \*\.csv"), got="data.xlsx"):
        ask(f"file://{folder}")


def test_a_missing_folder_is_named(ask: Any, folder: Path) -> None:
    with raises(SourceError, subject=re.compile("nowhere$"), expected="a folder", got=re.compile("^nothing")):
        ask(f"file://{folder / 'nowhere'}")


def test_files_of_two_formats_are_no_table(ask: Any, folder: Path) -> None:
    _parquet(folder / "t/0.parquet", a=[1])
    (folder / "t/1.csv").write_text("a\n1\n")
    with raises(SourceError, got="csv, parquet"):
        ask(f"file://{folder}")


def test_without_sql_two_tables_are_rejected_with_a_remedy(ask: Any, folder: Path) -> None:
    for name in ("part-0", "part-1"):
        _parquet(folder / f"{name}.parquet", a=[1])
    with raises(SourceError, got=re.compile("^part-0, part-1"), remedy=re.compile("sub-folder")):
        ask(f"file://{folder}")
