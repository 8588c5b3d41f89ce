"""Both input pipelines: every example once an epoch, in an order that can be had again."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.train import examples as data
from components.train.shards import Batch, ModelInputs, Shards
from configs.errors import EmptySplitError, LabelError, TrainingError, UnreadableFileError
from configs.training import Training
from tests.errors import raises

Order = np.random.Generator
MEMORY = Training(input_pipeline="memory")
STREAM = Training(input_pipeline="stream", shuffle_rows=1000)


def order(epoch: int) -> Order:
    return np.random.default_rng([17, epoch])


def as_rows(batches: list[Batch]) -> list[tuple[float, ...]]:
    return [
        (*map(float, dense), *map(float, indexed), float(label))
        for batch in batches
        for dense, indexed, label in zip(*batch, strict=True)
    ]


@pytest.fixture(params=[MEMORY, STREAM], ids=["memory", "stream"])
def either(request: pytest.FixtureRequest) -> Training:
    return Training.model_validate(request.param)


def test_an_epoch_hands_out_every_example_once(examples: Path, inputs: ModelInputs, either: Training) -> None:
    train = data.load(examples, "train", inputs, either)
    table = pa.concat_tables([pq.read_table(path) for path in sorted((examples / "train").glob("*"))])
    expected = sorted(zip(*(table[name].to_numpy().astype(float) for name in inputs.columns), strict=True))
    assert train.rows == len(expected)
    assert train.positives == sum(row[-1] for row in expected)
    for epoch in (1, 2):
        assert sorted(as_rows(list(train.batches(256, order(epoch))))) == expected


def test_unshuffled_both_pipelines_are_the_files_in_order(examples: Path, inputs: ModelInputs) -> None:
    memory, stream = (data.load(examples, "eval", inputs, training) for training in (MEMORY, STREAM))
    assert as_rows(list(memory.batches(256))) == as_rows(list(stream.batches(256)))


def test_an_order_can_be_had_again_and_differs_between_epochs(
    examples: Path, inputs: ModelInputs, either: Training
) -> None:
    train = data.load(examples, "train", inputs, either)
    first, again, second = (as_rows(list(train.batches(256, order(epoch)))) for epoch in (1, 1, 2))
    assert first == again
    assert first != second


@pytest.mark.parametrize("size", [1, 999, 4000, 100_000])
def test_batches_differ_by_one_row_at_most(
    examples: Path, inputs: ModelInputs, either: Training, size: int
) -> None:
    train = data.load(examples, "train", inputs, either)
    sizes = [len(batch.label) for batch in train.batches(size, order(1))]
    assert sum(sizes) == train.rows
    assert len(sizes) == -(-train.rows // size)
    assert max(sizes) <= size
    assert max(sizes) - min(sizes) <= 1


def test_a_pool_is_no_larger_than_said(examples: Path, inputs: ModelInputs) -> None:
    stream = data.Stream(Shards(examples, "train", inputs), shuffle_rows=700)
    sizes = [len(pool.label) for pool, _, _ in stream._pools(256, order(1))]
    assert len(sizes) > 3
    assert max(sizes) <= 700 + 300 + 256  # a row group and a batch more


def test_a_pool_mixes_rows_of_several_shards(examples: Path, inputs: ModelInputs) -> None:
    shards = Shards(examples, "train", inputs)
    place = {row: index for index, row in enumerate(as_rows([shards.read()]))}
    stream = data.load(examples, "train", inputs, STREAM)
    first = next(iter(stream.batches(256, order(1))))
    assert len({place[row] // 1000 for row in as_rows([first])}) > 1


def test_what_goes_wrong_in_the_reading_thread_is_raised_where_batches_are_used(
    examples: Path, inputs: ModelInputs, tmp_path: Path
) -> None:
    folder = changed(examples, tmp_path, "train", lambda table: table)
    stream = data.load(folder, "train", inputs, STREAM)
    damaged = folder / "train" / "part-00003.parquet"
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    with raises(UnreadableFileError, subject=re.compile("part-00003")):
        list(stream.batches(256, order(1)))


def changed(examples: Path, folder: Path, split: str, change: Any) -> Path:
    """A copy of the examples with one shard of a split changed."""
    copy = folder / "examples"
    shutil.copytree(examples, copy)
    shard = max((copy / split).glob("*.parquet"))
    pq.write_table(change(pq.read_table(shard)), shard)
    return copy


def with_column(name: str, value: Any) -> Any:
    def change(table: pa.Table) -> pa.Table:
        values = table[name].to_pylist()
        values[5] = value
        return table.set_column(table.schema.get_field_index(name), name, pa.array(values))

    return change


@pytest.mark.parametrize(
    "wrong",
    [
        (lambda table: table.drop(["sched_gap", "dest"]), TrainingError, ["part-00003", "sched_gap, dest"]),
        (with_column("distance", float("inf")), TrainingError, ["'distance'", "finite numbers"]),
        (with_column("distance", None), TrainingError, ["'distance'", "finite numbers"]),
        (with_column("dest", 150), TrainingError, ["'dest'", "indices from 0 to 149", "to 150"]),
        (with_column("dest", -1), TrainingError, ["'dest'", "got -1 to"]),
        (with_column("late", 2), LabelError, ["label 'late'", "expected 0 or 1", "got 2", "label.positive"]),
        (with_column("late", None), LabelError, ["label 'late'", "got 1 missing"]),
    ],
    ids=["missing", "infinite", "null", "too large", "negative", "third label", "no label"],
)
def test_examples_that_do_not_fit_features_json_are_rejected(
    examples: Path, inputs: ModelInputs, tmp_path: Path, either: Training, wrong: Any
) -> None:
    change, error, parts = wrong
    folder = changed(examples, tmp_path, "train", change)
    with pytest.raises(error) as raised:
        list(data.load(folder, "train", inputs, either).batches(256))
    assert all(part in str(raised.value) for part in parts), str(raised.value)


def test_a_constant_label_is_rejected(
    examples: Path, inputs: ModelInputs, tmp_path: Path, either: Training
) -> None:
    folder = tmp_path / "examples"
    shutil.copytree(examples, folder)
    for shard in (folder / "eval").glob("*.parquet"):
        table = pq.read_table(shard)
        pq.write_table(table.filter(table["late"].to_numpy() == 0), shard)
    with raises(
        LabelError,
        subject="label 'late' in split 'eval'",
        expected="both 0 and 1",
        got=re.compile("^0 in all "),
    ):
        data.load(folder, "eval", inputs, either)


def test_a_split_without_examples_is_rejected(
    examples: Path, inputs: ModelInputs, tmp_path: Path, either: Training
) -> None:
    folder = tmp_path / "examples"
    shutil.copytree(examples, folder)
    shutil.rmtree(folder / "eval")
    with raises(EmptySplitError, subject="split 'eval'"):
        data.load(folder, "eval", inputs, either)


def test_a_shard_that_is_no_parquet_is_named(
    examples: Path, inputs: ModelInputs, tmp_path: Path, either: Training
) -> None:
    folder = changed(examples, tmp_path, "train", lambda table: table)
    (folder / "train" / "part-00001.parquet").write_bytes(b"not parquet at all")
    with raises(
        UnreadableFileError,
        subject=re.compile(r"part-00001\.parquet$"),
        remedy=re.compile("--from transform"),
    ):
        data.load(folder, "train", inputs, either)


def test_features_json_is_rejected_in_one_line(transform_graph: Path, tmp_path: Path) -> None:
    from components.train import shards

    with raises(TrainingError, subject=re.compile(r"features\.json$"), got=re.compile("^FileNotFoundError")):
        shards.read_inputs(tmp_path, "late")
    with raises(TrainingError, expected="'later'", got="'late'"):
        shards.read_inputs(transform_graph, "later")
    content = json.loads((transform_graph / "features.json").read_text())
    (tmp_path / "features.json").write_text(json.dumps(content | {"dense": [], "indexed": {}}))
    with raises(TrainingError, expected="at least one input", got="none"):
        shards.read_inputs(tmp_path, "late")
