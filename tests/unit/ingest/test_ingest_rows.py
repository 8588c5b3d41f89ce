"""Ingest writes every row of the query once: into one split, or counted with a reason."""

import datetime
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.ingest import core
from components.ingest.settings import IngestStage
from components.shared.files.artifacts import digest, read_json, shards
from components.shared.sources.googlesql.farmhash import fingerprints
from configs.rows import SPLITS, HashSplit, Label, Split


def rows(folder: Path, *splits: Split) -> pa.Table:
    """All shards of these splits (of all, where none is named), in order."""
    return pa.concat_tables(
        pq.read_table(path) for split in splits or SPLITS for path in shards(folder, split)
    )


def column(folder: Path, split: Split, name: str) -> list[Any]:
    """The values of a column in one split, in order."""
    values: list[Any] = rows(folder, split)[name].to_pylist()
    return values


def test_no_row_disappears(run: Any, stage: IngestStage, visits: Any) -> None:
    folder = run(stage, visits)
    content = read_json(folder / "rows.json")
    kept = {split: content["splits"][split]["rows"] for split in SPLITS}
    assert content["source_rows"] == 2400 == sum(kept.values()) + sum(content["excluded"].values())
    assert kept == {split: rows(folder, split).num_rows for split in SPLITS}
    assert content["excluded"] == {"gone": 120, "no label": 120}
    assert len(set(rows(folder)["id"].to_pylist())) == sum(kept.values())


def test_the_summary_counts_what_was_written(
    run: Any, stage: IngestStage, visits: Any, tmp_path: Path
) -> None:
    run(stage, visits)
    seen: list[tuple[str, int, int | None]] = []
    summary = core.run(
        stage, tmp_path / "again", lambda what, done, total=None, **_: seen.append((what, done, total))
    )
    assert summary == {
        "rows": 2400, "train": 1296, "eval": 324, "test": 540, "excluded": 240, "positive_share": 0.3333,
    }  # fmt: skip
    assert seen[0][0] == "running the query"
    assert seen[-1] == ("writing rows", 2160, 2160)


def test_a_split_by_time_keeps_its_boundaries(run: Any, stage: IngestStage, visits: Any) -> None:
    folder = run(stage, visits)
    first = {split: min(column(folder, split, "at")) for split in SPLITS}
    last = {split: max(column(folder, split, "at")) for split in SPLITS}
    assert last["train"] < datetime.datetime(2020, 3, 1, tzinfo=datetime.UTC)
    assert first["eval"] >= datetime.datetime(2020, 3, 1, tzinfo=datetime.UTC)
    assert last["eval"] < datetime.datetime(2020, 3, 16, tzinfo=datetime.UTC) <= first["test"]


def test_a_row_at_the_boundary_belongs_to_the_later_split(run: Any, stage: IngestStage, visits: Any) -> None:
    visits["at"][5] = datetime.datetime(2020, 3, 16, tzinfo=datetime.UTC)
    visits["at"][7] = datetime.datetime(2020, 3, 15, 23, 59, 59, 999999, tzinfo=datetime.UTC)
    folder = run(stage, visits)
    assert "v0005" in rows(folder, "test")["id"].to_pylist()
    assert "v0007" in rows(folder, "eval")["id"].to_pylist()


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("s"), pa.timestamp("us", "America/New_York")])
def test_dates_and_times_of_any_kind_can_split(run: Any, stage: IngestStage, visits: Any, kind: Any) -> None:
    visits["at"] = pa.array(visits["at"], pa.timestamp("us", "UTC")).cast(kind)
    folder = run(stage, visits)
    assert all(rows(folder, split).num_rows for split in SPLITS)


def test_a_split_by_hash_is_bigquerys_and_keeps_keys_together(
    run: Any, stage: IngestStage, visits: Any, by_hash: HashSplit
) -> None:
    visits["id"] = [f"customer {number % 300}" for number in range(2400)]
    folder = run(stage.model_copy(update={"split": by_hash}), visits)
    buckets_of: dict[Split, tuple[int, int]] = {"test": (0, 30), "eval": (30, 50), "train": (50, 100)}
    for split, (low, high) in buckets_of.items():
        keys = pa.array(sorted(set(column(folder, split, "id"))))
        buckets = [abs(value) % 100 for value in fingerprints(keys).to_pylist() if value is not None]
        assert buckets
        assert all(low <= bucket < high for bucket in buckets)


def test_rows_without_a_value_to_split_by_are_counted(run: Any, stage: IngestStage, visits: Any) -> None:
    visits["at"][1] = visits["at"][2] = None
    content = read_json(run(stage, visits) / "rows.json")
    assert content["excluded"] == {"gone": 120, "no label": 120, "no at": 2}


def test_a_reason_leaves_a_row_out_even_with_a_label(run: Any, stage: IngestStage, visits: Any) -> None:
    visits["why"][1] = "test account"
    folder = run(stage, visits)
    assert read_json(folder / "rows.json")["excluded"]["test account"] == 1
    assert "v0001" not in rows(folder)["id"].to_pylist()


def test_shards_hold_what_they_may_and_are_in_order(run: Any, stage: IngestStage, visits: Any) -> None:
    folder = run(stage, visits)
    sizes = [pq.read_metadata(path).num_rows for path in shards(folder, "train")]
    assert sizes == [500, 500, 296]
    assert read_json(folder / "rows.json")["splits"]["train"] == {"rows": 1296, "shards": 3}
    at = column(folder, "train", "at")
    assert at == sorted(at)


def test_columns_keep_their_values_and_get_plain_types(run: Any, stage: IngestStage, visits: Any) -> None:
    visits["small"] = pa.array([number % 100 for number in range(2400)], pa.int8())
    visits["single"] = pa.array([number / 8 for number in range(2400)], pa.float32())
    visits["flag"] = [number % 2 == 0 for number in range(2400)]
    folder = run(stage, visits)
    assert read_json(folder / "rows.json")["columns"] == {
        "id": "string", "at": "timestamp[us, tz=UTC]", "bought": "int64", "amount": "double",
        "page": "string", "small": "int64", "single": "double", "flag": "bool",
    }  # fmt: skip
    (row,) = (row for row in rows(folder).to_pylist() if row["id"] == "v0121")
    assert row == {
        "id": "v0121", "at": visits["at"][121], "bought": 0, "amount": 60.5, "page": None, "small": 21,
        "single": 15.125, "flag": False,
    }  # fmt: skip


def test_two_runs_write_the_same_bytes(run: Any, stage: IngestStage, visits: Any) -> None:
    assert digest(run(stage, visits, "one")) == digest(run(stage, visits, "two"))


def test_equal_keys_do_not_make_the_order_a_matter_of_chance(
    run: Any, stage: IngestStage, visits: Any
) -> None:
    visits["id"] = ["same"] * 2400
    visits["at"] = [visits["at"][number // 400 * 400] for number in range(2400)]
    one = run(stage.model_copy(update={"key": None}), visits, "one")
    backwards = {name: values[::-1] for name, values in visits.items()}
    two = run(stage.model_copy(update={"key": "id"}), backwards, "two")
    assert digest(one) == digest(two)


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["yes", "no"], "yes"),
        ([7, 8], "7"),
        ([0.5, 1.5], "0.5"),
        ([True, False], None),
        ([False, True], "false"),
        ([1.0, 0.0], None),
        ([1, 0], None),
    ],
    ids=str,
)
def test_a_label_of_any_type_becomes_one_and_zero(
    run: Any, stage: IngestStage, visits: Any, values: list[Any], positive: str | None
) -> None:
    visits["bought"] = [None if value is None else values[1 - value] for value in visits["bought"]]
    label = Label(column="bought", positive=positive, excluded_because="why")
    folder = run(stage.model_copy(update={"label": label}), visits)
    assert rows(folder).schema.field("bought").type == pa.int64()
    counts = Counter(rows(folder)["bought"].to_pylist())
    assert counts == {1: 720, 0: 1440}


def test_a_label_that_is_not_a_number_counts_as_missing(run: Any, stage: IngestStage, visits: Any) -> None:
    visits["bought"] = [None if value is None else float(value) for value in visits["bought"]]
    visits["bought"][1] = float("nan")
    assert read_json(run(stage, visits) / "rows.json")["excluded"] == {"gone": 120, "no label": 121}


def test_awkward_names_and_values_pass_through(run: Any, stage: IngestStage, visits: Any) -> None:
    visits["select"] = ["it's `quoted`\n\\"] * 2400
    visits["long"] = ["x" * 200_000] + ["é"] * 2399
    folder = run(stage, visits)
    assert set(rows(folder)["select"].to_pylist()) == {"it's `quoted`\n\\"}
