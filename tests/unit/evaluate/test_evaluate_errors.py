"""What the stage rejects, with errors that help, and that it then leaves nothing behind."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import tensorflow as tf

from components.shared.rows.scoring import Scorer
from configs.errors import (
    DataError,
    EmptySplitError,
    LabelError,
    MissingFeatureError,
    ModelError,
    PipelineError,
    UnreadableFileError,
)

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # in TFMA, 0 / 0
Lab = Any
"""The fixture of conftest.py."""


def relabelled(table: pa.Table, values: Any) -> pa.Table:
    return table.set_column(1, "late", values)


def of_rows(**fields: str) -> dict[str, str]:
    return {"subject": "the candidate was trained on other rows: ", **fields}


@pytest.mark.parametrize(
    ("change", "error", "fields"),
    [
        (lambda t: t.slice(0, 0), EmptySplitError, {"subject": "split 'test'", "got": "none"}),
        (
            lambda t: relabelled(t, pa.array([0] * 100)),
            LabelError,
            {
                "subject": "label 'late' in split 'test'",
                "expected": "both 0 and 1",
                "got": "0 in all 100 rows",
            },
        ),
        (
            lambda t: relabelled(t, pa.array([1] * 100)),
            LabelError,
            {
                "subject": "label 'late' in split 'test'",
                "expected": "both 0 and 1",
                "got": "1 in all 100 rows",
            },
        ),
        (
            lambda t: relabelled(t, pa.array([0, 2] * 50)),
            LabelError,
            {"subject": "part-00000.parquet", "expected": "0 or 1 in every row", "got": "2"},
        ),
        (
            lambda t: relabelled(t, pa.array([0, None] * 50)),
            LabelError,
            {"subject": "part-00000.parquet", "expected": "0 or 1 in every row", "got": "50 missing"},
        ),
        (
            lambda t: relabelled(t, pa.array(["no"] * 100)),
            LabelError,
            {"subject": "label 'late'", "expected": "numbers, 0 or 1", "got": "string"},
        ),
        (lambda t: t.drop_columns("late"), LabelError, {"subject": "label 'late'", "got": "no such column"}),
        (lambda t: t.drop_columns("month"), MissingFeatureError, {"subject": "slice column 'month'"}),
        (lambda t: t.drop_columns("id"), MissingFeatureError, {"subject": "key 'id'"}),
        (lambda t: t.drop_columns("seats"), ModelError, of_rows(got="id, late, hour")),
        (
            lambda t: t.set_column(2, "hour", pa.array(["x"] * 100)),
            ModelError,
            of_rows(expected="a number", got="string"),
        ),
    ],
)
def test_rows_that_cannot_be_judged_on_are_rejected(
    lab: Lab,
    candidate: Path,
    change: Callable[[pa.Table], pa.Table],
    error: type[PipelineError],
    fields: Mapping[str, str],
) -> None:
    rows = lab.rows(change(lab.made_rows(100)), shards=1)
    with pytest.raises(error) as caught:
        lab.run(rows, candidate)
    for field, part in fields.items():
        assert part in getattr(caught.value, field)
    assert not (lab.folder / "evaluation").exists()


def test_rows_without_a_test_split_are_rejected(lab: Lab, candidate: Path) -> None:
    with pytest.raises(EmptySplitError, match=r"split 'test'.*split\.test_from"):
        lab.run(lab.folder, candidate)


def test_a_corrupt_shard_is_rejected_by_its_name(lab: Lab, candidate: Path, table: pa.Table) -> None:
    rows = lab.rows(table.slice(0, 100), shards=2)
    (rows / "test" / "part-00001.parquet").write_bytes(b"PAR1 no more PAR1")
    with pytest.raises(UnreadableFileError) as raised:
        lab.run(rows, candidate)
    assert raised.value.subject.endswith("part-00001.parquet")
    assert "--from ingest" in raised.value.remedy


def test_a_champion_that_wants_columns_that_are_gone_is_named(lab: Lab, rows: Path, candidate: Path) -> None:
    wants_more = lab.model(
        lambda columns: tf.sigmoid(columns["wingspan"]), numeric=("wingspan",), categorical=()
    )
    with pytest.raises(ModelError) as caught:
        lab.run(rows, candidate, wants_more)
    message = str(caught.value)
    assert message.startswith("the champion (version 3) was trained on other rows: features ['wingspan']")
    assert "got rows with id, late, hour" in message
    assert "roll back" in message


@pytest.mark.parametrize(
    ("score", "output", "message"),
    [
        (lambda c: 0.0 * c["hour"] / 0.0, "score", "the candidate: expected scores between 0 and 1, got nan"),
        (lambda c: c["hour"], "score", "expected scores between 0 and 1"),
        (lambda c: c["hour"][:1] / 100, "score", "expected one score for each of 100 rows"),
        (lambda c: c["hour"] / 100, "probability", "an output 'score' .*, got probability"),
    ],
)
def test_a_model_without_probabilities_is_rejected(
    lab: Lab, table: pa.Table, score: Any, output: str, message: str
) -> None:
    model = lab.model(score, numeric=("hour",), categorical=(), output=output)
    with pytest.raises(ModelError, match=message):
        lab.run(lab.rows(table.slice(0, 100), shards=1), model)
    assert not (lab.folder / "evaluation").exists()


def test_a_folder_that_is_no_model_is_rejected(lab: Lab) -> None:
    with pytest.raises(ModelError, match="the candidate: expected a SavedModel that can be loaded"):
        Scorer(lab.folder, "the candidate")


def test_a_model_without_the_signature_is_rejected(lab: Lab) -> None:
    module = tf.Module()
    module.serve = tf.function(lambda hour: {"score": hour}, input_signature=[tf.TensorSpec([None])])
    tf.saved_model.save(module, str(lab.folder / "m"), signatures={"other": module.serve})
    with pytest.raises(ModelError, match="expected a signature 'serving_default', got other"):
        Scorer(lab.folder / "m", "the candidate")


def test_a_model_that_wants_another_kind_of_columns_is_rejected(lab: Lab) -> None:
    module = tf.Module()
    spec = tf.TensorSpec([None], tf.float64, name="hour")
    module.serve = tf.function(lambda hour: {"score": hour}, input_signature=[spec])
    tf.saved_model.save(module, str(lab.folder / "m"), signatures={"serving_default": module.serve})
    with pytest.raises(ModelError, match="raw columns as float32 or string, got input 'hour' as float64"):
        Scorer(lab.folder / "m", "the candidate")


def test_a_slicing_that_is_too_fine_is_rejected(lab: Lab, candidate: Path) -> None:
    with pytest.raises(DataError, match=r"slices by id.*Slice by a coarser column"):
        lab.run(lab.rows(lab.made_rows(10_100)), candidate, slices=(("id",),))


def test_an_earlier_evaluation_stays_when_a_later_one_is_rejected(
    lab: Lab, table: pa.Table, candidate: Path
) -> None:
    good = lab.rows(table)
    out = lab.run(good, candidate, slices=())
    before = (out / "metrics.json").read_bytes()
    with pytest.raises(LabelError, match="0 in all"):
        lab.run(lab.rows(relabelled(table, pa.array([0] * len(table)))), candidate, slices=())
    assert (out / "metrics.json").read_bytes() == before
    assert [path.name for path in lab.folder.iterdir() if path.name.startswith(".")] == []
