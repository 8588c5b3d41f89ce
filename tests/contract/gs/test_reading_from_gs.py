"""Reading from `gs://`: what vanishes, what is busy, and what is not fetched."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kfp import dsl

from components.shared.files.artifacts import shard_path, writing
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs_path import BucketPath
from components.validate.component import validate
from configs.errors import PipelineError, PlaceError
from tests.contract.gs.conftest import TRANSFORM, VALIDATE, Chains


def test_rows_that_vanish_are_named(chains: Chains, storage_server: Any, bucket: BucketPath) -> None:
    from components.shared.stage.recording import silent
    from components.transform import core
    from configs.errors import UnreadableFileError

    storage_server.fail("GET", r"rows.*train.*part-00001\.parquet", 404, times=100)
    with pytest.raises(UnreadableFileError, match=r"train/part-00001\.parquet.*run from `ingest`") as raised:
        core.run(chains[1].at("rows", "ingest"), TRANSFORM, bucket / "graph", bucket / "examples", silent)
    assert "\n" not in str(raised.value)
    assert gcs_reading.objects(str(bucket)) == {}


def test_rows_are_read_through_a_503(chains: Chains, storage_server: Any) -> None:
    from components.shared.rows.row_ranges import plan_ranges

    rows = chains[1].at("rows", "ingest")
    whole = plan_ranges(rows, "train", 1000)
    storage_server.fail("GET", r"part-00000\.parquet", 503, times=2)
    assert plan_ranges(rows, "train", 1000) == whole
    assert storage_server.faults[0].times == 0


@pytest.mark.usefixtures("storage_server")
def test_a_stage_stops_before_its_work_where_the_bucket_is_missing(
    chains: Chains, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        validate.python_func(
            rows=chains[0].artifact("rows", "ingest"),
            baseline="",
            settings=VALIDATE.model_dump_json(),
            code="",
            statistics=dsl.Artifact(name="statistics", uri="gs://no-such-bucket/statistics"),
        )
    assert isinstance(ended.value.__cause__, PlaceError)
    assert "gcloud storage buckets create gs://no-such-bucket " in str(ended.value.__cause__)
    assert "rows" not in capfd.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_only_the_wanted_columns_are_fetched(storage_server: Any, bucket: BucketPath) -> None:
    from components.shared.files.artifacts import writing_file
    from components.shared.rows.parquet import open_parquet

    draw = np.random.default_rng(0)
    path = bucket / "wide.parquet"
    with writing_file(path) as file:
        wide = pa.table({f"c{place}": pa.array(draw.random(100_000)) for place in range(20)})
        pq.write_table(wide, file, row_group_size=16_384)
        size = file.stat().st_size
    storage_server.answered.clear()
    with open_parquet(path) as parquet:
        fetched = parquet.read(columns=["c3", "c11"])
    assert fetched.equals(wide.select(["c3", "c11"]))
    assert storage_server.sent(r"wide\.parquet") < 0.15 * size
    storage_server.answered.clear()
    with open_parquet(path) as parquet:
        parquet.read()
    assert storage_server.sent(r"wide\.parquet") < 1.05 * size
    assert len(storage_server.answered) < 20


def test_statistics_fetch_a_few_shards_at_a_time(bucket: Path, tmp_path: Path) -> None:
    from components.validate import queries
    from components.validate.parts import Request
    from components.validate.statistics import compute
    from configs.rows import SPLITS

    def most_on_disk(rows: Path, train_shards: int) -> tuple[int, int]:
        with writing(rows) as folder:
            for split in SPLITS:
                for index in range(train_shards if split == "train" else 1):
                    values = np.random.default_rng(index).random(5_000)
                    pq.write_table(pa.table({"x": pa.array(values)}), shard_path(folder, split, index))
            size = shard_path(folder, "train", 0).stat().st_size
        there = []

        def progress(what: str, done: int, total: int | None = None) -> None:  # noqa: ARG001 - of the Protocol
            there.append(sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file()))

        with queries.engine("1GB", 2, tmp_path) as engine:
            found = compute(engine, rows, Request(group_bytes=2 * size), tmp_path, progress)
        assert found.rows("train") == 5_000 * train_shards
        assert list(tmp_path.rglob("*.parquet")) == []
        return max(there), size

    (few, size), (many, _) = most_on_disk(bucket / "few", 4), most_on_disk(bucket / "many", 40)
    assert 2 * size <= few <= 1.01 * 4 * size
    assert 2 * size <= many <= 1.01 * 4 * size


@pytest.mark.parametrize("when", ["before they are fetched", "while they are fetched"])
def test_shards_that_vanish_are_named_by_validate(storage_server: Any, bucket: Path, when: str) -> None:
    from components.shared.stage.recording import silent
    from components.validate import core

    with writing(bucket / "rows") as folder:
        for split in ("train", "eval", "test"):
            pq.write_table(pa.table({"x": [1.0, 2.0]}), shard_path(folder, split, 0))
    path = r"train.*part-00000\.parquet"
    path += r".*alt=media" if when.startswith("while") else ""
    storage_server.fail("GET", path, 404, times=100)
    with pytest.raises(PipelineError) as raised:
        core.run(bucket / "rows", VALIDATE, None, bucket / "statistics", silent)
    assert raised.value.subject.endswith("train/part-00000.parquet")
    assert raised.value.subject.startswith("gs://")
    assert gcs_reading.objects(str(bucket / "statistics")) == {}
