"""Ten times the shards take no more memory and disk; groups of shards give what all of them give."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.shared.files.artifacts import shard_path
from components.shared.stage.recording import silent
from components.validate import queries
from components.validate.datasets import custom
from components.validate.numbers import EXACT
from components.validate.parts import Request
from components.validate.statistics import Statistics, compute, local_groups, shard_groups
from configs.errors import UnreadableFileError
from configs.rows import SPLITS
from tests.errors import raises

SHARD_ROWS = 25_000
GROUP_BYTES = 10**6
_MEASURE = f"""
import json, resource, sys
from pathlib import Path
from components.validate import queries
from components.validate.parts import Request
from components.validate.statistics import compute

rows, scratch = map(Path, sys.argv[1:])
disk, groups = [0], []
def progress(_step, done, total):
    groups.append(total)
    disk.append(sum(file.stat().st_size for file in scratch.rglob("*") if file.is_file()))
with queries.engine("100MB", 1, scratch) as engine:
    found = compute(engine, rows, Request(group_bytes={GROUP_BYTES}), scratch, progress)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({{"rows": found.rows("train"), "peak": peak, "disk": max(disk), "groups": groups[-1]}}))
"""


def write(folder: Path, shards: int) -> Path:
    """Rows of which no two have a number or a key in common; eval and test are small."""
    with duckdb.connect() as connection:
        for split in SPLITS:
            for index in range(shards if split == "train" else 1):
                first, path = index * SHARD_ROWS, shard_path(folder, split, index)
                connection.execute(
                    f"COPY (SELECT 'key-' || i AS key, exp(sin(i) * 5) AS x, i % 7 AS k "  # noqa: S608 - our own
                    f"FROM range({first}, {first + SHARD_ROWS}) rows(i)) TO '{path}'"
                )
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four times as many rows as are summarized exactly."""
    return write(tmp_path_factory.mktemp("many"), 4 * EXACT // SHARD_ROWS)


def computed(rows: Path, scratch: Path, request: Request) -> Statistics:
    with queries.engine("1GB", 2, scratch) as engine:
        return compute(engine, rows, request, scratch, silent)


def test_ten_times_the_shards_take_no_more_memory_and_disk(tmp_path: Path) -> None:
    measured: list[dict[str, Any]] = []
    for name, shards in (("few", 12), ("many", 120)):
        rows = write(tmp_path / name, shards)
        command = [sys.executable, "-c", _MEASURE, str(rows), str(tmp_path / f"scratch of {name}")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        measured.append(json.loads(done.stdout))
    few, more = measured
    assert more["rows"] == 10 * few["rows"]
    assert more["groups"] > 5 * few["groups"] > 20
    assert more["peak"] < 1.15 * few["peak"]
    assert more["disk"] == few["disk"] == 0  # the shards are here, and nothing is spilled


def test_groups_of_shards_give_what_all_shards_give(many: Path, tmp_path: Path) -> None:
    rows = 4 * EXACT
    one, several = (computed(many, tmp_path, Request(group_bytes=size)) for size in (10**9, GROUP_BYTES))
    whole, merged = one.features("train"), several.features("train")
    assert whole["k"] == merged["k"]
    for name in ("min", "max", "mean", "std_dev", "num_zeros"):
        assert getattr(whole["x"].num_stats, name) == getattr(merged["x"].num_stats, name)
    assert whole["key"].string_stats.unique == merged["key"].string_stats.unique == rows
    assert 0 < custom(merged["key"], "frequency_error") <= 1 / EXACT
    values = np.sort(
        np.concatenate([pq.read_table(file)["x"].to_numpy() for file in (many / "train").iterdir()])
    )
    for found in (whole, merged):
        error = custom(found["x"], "quantile_error")
        assert 0 < error < 0.0004
        rank = np.searchsorted(values, found["x"].num_stats.median) / rows
        assert abs(rank - 0.5) <= error + 1 / rows
        assert custom(found["k"], "quantile_error") == 0


def test_the_same_rows_are_the_same_to_the_last_digit_whatever_the_threads(
    many: Path, tmp_path: Path
) -> None:
    found = []
    for threads, memory in ((1, "1GB"), (3, "60MB")):
        with queries.engine(memory, threads, tmp_path) as engine:
            request = Request(group_bytes=GROUP_BYTES)
            found.append(compute(engine, many, request, tmp_path, silent).datasets)
    assert found[0].SerializeToString(deterministic=True) == found[1].SerializeToString(deterministic=True)


def test_a_group_is_as_large_as_it_may_be_and_a_larger_shard_is_alone(tmp_path: Path) -> None:
    for index, size in enumerate([3, 3, 4, 11, 1, 9, 1]):
        shard_path(tmp_path, "train", index).write_bytes(b"x" * size)
    groups = shard_groups(tmp_path, "train", 10)
    assert [[file.stat().st_size for file in group] for group in groups] == [[3, 3, 4], [11], [1, 9], [1]]
    assert [*local_groups(groups, tmp_path / "scratch")] == groups
    assert not (tmp_path / "scratch").exists()


def test_shards_of_other_columns_in_another_group_are_rejected(tmp_path: Path) -> None:
    rows = write(tmp_path / "rows", 1)
    pq.write_table(pa.table({"key": ["a"], "x": ["text"], "k": [1]}), rows / "eval" / "part-00001.parquet")
    with raises(UnreadableFileError, subject="the rows of split 'eval'", got="x VARCHAR"):
        computed(rows, tmp_path, Request(group_bytes=1))
