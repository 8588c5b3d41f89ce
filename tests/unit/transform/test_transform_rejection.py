"""A row that cannot be used is put aside with its reason; nothing disappears."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.files.artifacts import read_json, shards
from components.shared.rows.rejected import REJECTED
from configs.errors import DataError, EmptySplitError

LONG = "x" * 10_000_000


@pytest.fixture(scope="module")
def dirty(run: Any, alter: Any) -> Any:
    """Rows of every kind that is rejected, in both splits and in several shards."""
    train = run.flights.slice(0, 3000)
    train = alter(train, "late", {3: None, 1300: 2, 2999: -1})
    train = alter(train, "tailnum", {4: LONG, 5: "y" * 1_048_577, 6: "z" * 1_048_576})
    train = alter(train, "tailnum", {3: LONG})
    carrier = [value.encode() if value else None for value in train["carrier"].to_pylist()]
    carrier[2500] = b"\xff\xfe"
    place = train.schema.get_field_index("carrier")
    train = train.set_column(place, "carrier", pa.array(carrier, pa.binary()))
    evaluated = alter(run.flights.slice(3000), "late", {0: None})
    evaluated = evaluated.set_column(place, "carrier", evaluated["carrier"].cast(pa.binary()))
    return run(run.rows(train, evaluated), run.stage())


def rejected(done: Any, split: Any) -> pa.Table:
    return pa.concat_tables(pq.read_table(shard) for shard in shards(done.examples / REJECTED, split))


def test_each_reason_is_counted_once_a_row(dirty: Any) -> None:
    assert read_json(dirty.examples / "examples.json") == {
        "splits": {
            "train": {"in": 3000, "out": 2994, "rejected": 6},
            "eval": {"in": 800, "out": 799, "rejected": 1},
        },
        "rejected": {
            "carrier is not UTF-8": 1,
            "late is missing": 2,
            "late is neither 0 nor 1": 2,
            "tailnum is longer than 1,048,576 bytes": 2,
        },
    }
    assert dirty.summary["rejected"] == 7


def test_the_rejected_rows_and_the_examples_are_all_the_rows(dirty: Any) -> None:
    for split in ("train", "eval"):
        out, aside = dirty.split(split).num_rows, rejected(dirty, split).num_rows
        assert out + aside == dirty.raw(split).num_rows


def test_a_rejected_row_keeps_its_key_its_values_and_its_reason(dirty: Any) -> None:
    reasons = dict(
        zip(
            rejected(dirty, "train")["id"].to_pylist(),
            rejected(dirty, "train")["reason"].to_pylist(),
            strict=True,
        )
    )
    assert reasons == {
        "row-3": "late is missing",
        "row-4": "tailnum is longer than 1,048,576 bytes",
        "row-5": "tailnum is longer than 1,048,576 bytes",
        "row-1300": "late is neither 0 nor 1",
        "row-2500": "carrier is not UTF-8",
        "row-2999": "late is neither 0 nor 1",
    }
    kept = rejected(dirty, "train").to_pylist()
    raw = dirty.raw("train").to_pylist()
    assert kept[-1]["distance"] == raw[2999]["distance"]
    assert kept[-1]["late"] == -1


def test_a_long_string_is_cut_where_it_is_kept(dirty: Any) -> None:
    shown = {row["id"]: row["tailnum"] for row in rejected(dirty, "train").to_pylist()}
    assert shown["row-4"].startswith("xxx")
    assert shown["row-4"].endswith("(10,000,000 bytes)")
    assert len(shown["row-4"]) < 300


def test_the_other_rows_keep_their_order(dirty: Any) -> None:
    labels = dirty.raw("train")["late"].to_pylist()
    gone = {3, 4, 5, 1300, 2500, 2999}
    expected = [late for place, late in enumerate(labels) if place not in gone]
    assert dirty.split("train")["late"].to_pylist() == expected


def test_rows_without_a_fault_leave_no_rejected_files(transformed: Any) -> None:
    assert not (transformed.examples / REJECTED).exists()


def test_too_many_rejected_rows_stop_the_run_and_name_the_reasons(run: Any, alter: Any) -> None:
    train = alter(run.flights.slice(0, 3000), "late", dict.fromkeys(range(30), None) | {40: 7, 41: 7})
    rows = run.rows(train)
    with pytest.raises(DataError) as stopped:
        run(rows, run.stage())
    message = str(stopped.value)
    assert "split 'train': expected at most 1.00% rejected rows, got 32 of 3,000 (1.07%)" in message
    assert "30 x late is missing; 2 x late is neither 0 nor 1" in message
    assert "transform.max_rejected" in message
    assert run(rows, run.stage(max_rejected=32 / 3000)).summary["rejected"] == 32


def test_a_split_of_nothing_but_rejected_rows_is_empty(run: Any, alter: Any, tmp_path: Path) -> None:
    evaluated = run.flights.slice(3000)
    evaluated = alter(evaluated, "late", dict.fromkeys(range(evaluated.num_rows), None))
    rows = run.rows(run.flights.slice(0, 300), evaluated)
    with pytest.raises(EmptySplitError, match=r"split 'eval'.*800 rejected rows.*late is missing"):
        run(rows, run.stage(max_rejected=1.0))
    assert not list(tmp_path.iterdir())
