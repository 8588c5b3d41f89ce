"""The exported model: one SavedModel, two signatures, equal scores."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from components.train import export, models, shards
from configs.errors import TrainingError
from configs.training import Training
from tests.errors import raises

Trained = Any
Rows = Any
NUMERIC = ("distance", "minute_of_day", "sched_gap")
CATEGORICAL = ("carrier", "origin", "dest")


@pytest.fixture(scope="module")
def loaded(trained: Trained) -> Any:
    return tf.saved_model.load(str(trained.model))


@pytest.fixture(scope="module")
def raw(rows: Rows) -> dict[str, tf.Tensor]:
    return {name: tf.constant(rows["eval"][name]) for name in NUMERIC + CATEGORICAL}


def scores(model: Any, raw: dict[str, tf.Tensor]) -> Any:
    return model.signatures["serving_default"](**raw)["score"].numpy()


def serialized(rows: list[dict[str, Any]]) -> tf.Tensor:
    """As tf.Example; what is None is left out."""

    def feature(value: Any) -> tf.train.Feature:
        if isinstance(value, bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        if isinstance(value, int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    examples = [
        tf.train.Example(
            features=tf.train.Features(
                feature={name: feature(value) for name, value in row.items() if value is not None}
            )
        )
        for row in rows
    ]
    return tf.constant([example.SerializeToString() for example in examples])


def test_both_signatures_take_what_they_say(loaded: Any) -> None:
    default, example = (loaded.signatures[name] for name in ("serving_default", "tf_example"))
    taken = default.structured_input_signature[1]
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in taken.items()} == {
        **dict.fromkeys(NUMERIC, (tf.float32, [None])),
        **dict.fromkeys(CATEGORICAL, (tf.string, [None])),
    }
    (spec,) = example.structured_input_signature[1].values()
    assert (spec.name, spec.dtype, spec.shape.as_list()) == ("examples", tf.string, [None])
    for signature in (default, example):
        (score,) = signature.structured_outputs.items()
        assert (score[0], score[1].dtype, score[1].shape.as_list()) == ("score", tf.float32, [None])


def test_both_signatures_agree(loaded: Any, raw: Any) -> None:
    rows = [
        {
            name: float(value) if name in NUMERIC else value
            for name, value in zip(raw, values, strict=True)
            if value != b"" and value == value  # noqa: PLR0124 - NaN is left out
        }
        for values in zip(*(tensor.numpy() for tensor in raw.values()), strict=True)
    ]
    assert any(len(row) < len(raw) for row in rows)
    parsed = loaded.signatures["tf_example"](examples=serialized(rows))["score"].numpy()
    np.testing.assert_allclose(parsed, scores(loaded, raw), atol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "dnn", "wide_deep"])
def test_the_export_scores_as_the_keras_model_does_on_transformed_rows(
    kind: str, raw: Any, transform_graph: Path, inputs: shards.ModelInputs, tmp_path: Path
) -> None:
    training = Training.model_validate({"model": kind, "hidden_units": (16,), "batch_norm": True})
    keras.utils.set_random_seed(4)
    model = models.build(inputs, training, 0.2)
    random = np.random.default_rng(4)
    for weight in model.weights:
        weight.assign(random.uniform(0.0, 0.5, weight.shape))
    export.save(model, transform_graph, inputs, "flights", tmp_path)
    made = tft.TFTransformOutput(str(transform_graph)).transform_raw_features(raw)
    dense = tf.stack([made[name] for name in inputs.dense], axis=1)
    indexed = tf.cast(tf.stack([made[name] for name in inputs.indexed], axis=1), tf.int32)
    expected = tf.sigmoid(model([dense, indexed], training=False))[:, 0]
    exported = scores(tf.saved_model.load(str(tmp_path)), raw)
    np.testing.assert_allclose(exported, expected, atol=1e-6)
    assert np.ptp(exported) > 0.01


def test_scores_are_probabilities_that_rank_the_late_flights_higher(
    loaded: Any, raw: Any, rows: Rows, trained: Trained
) -> None:
    from sklearn.metrics import roc_auc_score

    got = scores(loaded, raw)
    assert ((got > 0) & (got < 1)).all()
    assert roc_auc_score(rows["eval"]["late"], got) == pytest.approx(trained.summary["eval_auc"], abs=1e-5)


def test_unseen_and_missing_values_get_finite_scores(loaded: Any) -> None:
    odd = {
        "distance": [float("nan"), 1e30, -1e30, 0.0, 5.0],
        "minute_of_day": [float("nan"), 1.0, float("inf"), float("-inf"), 5.0],
        "sched_gap": [float("nan")] * 5,
        "carrier": [b"", b"\xff\xfe", b"nobody", b"UA", b"x" * 10_000],
        "origin": [b"", "Zürich".encode(), b"JFK", b"", b"EWR"],
        "dest": [b""] * 5,
    }
    got = scores(loaded, {name: tf.constant(values) for name, values in odd.items()})
    assert got.shape == (5,)
    assert np.isfinite(got).all()
    nothing = loaded.signatures["tf_example"](examples=serialized([{}]))["score"].numpy()
    np.testing.assert_array_equal(nothing, got[:1])


def test_the_batch_does_not_change_a_score(loaded: Any, raw: Any) -> None:
    whole = scores(loaded, raw)[:20]
    single = [
        scores(loaded, {name: tensor[row : row + 1] for name, tensor in raw.items()})[0] for row in range(20)
    ]
    np.testing.assert_allclose(single, whole, atol=1e-6)


def test_no_rows_give_no_scores(loaded: Any, raw: Any) -> None:
    assert scores(loaded, {name: tensor[:0] for name, tensor in raw.items()}).shape == (0,)


def test_an_int64_list_where_a_number_is_expected_is_rejected_by_the_parser(loaded: Any) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="distance"):
        loaded.signatures["tf_example"](examples=serialized([{"distance": 5}]))


def test_the_graph_is_lean(loaded: Any, trained: Trained) -> None:
    definition = loaded.signatures["serving_default"].graph.as_graph_def()
    ops = Counter(node.op for function in definition.library.function for node in function.node_def)
    assert not [op for op in ops if "Random" in op or "Assign" in op or "Grad" in op or "Dropout" in op]
    assert ops["LookupTableFindV2"] == 1
    assert [file.name for file in (trained.model / "assets").iterdir()] == ["carriers"]


FRESH = """
import json, sys
import numpy as np, tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
raw = np.load(sys.argv[2], allow_pickle=True)
fed = {name: tf.constant(raw[name]) for name in raw.files}
print(json.dumps(model.signatures["serving_default"](**fed)["score"].numpy().tolist()))
try:
    import components
except ImportError:
    sys.exit(0)
sys.exit("our code is there")
"""


def test_it_loads_without_our_code(trained: Trained, loaded: Any, raw: Any, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copytree(trained.model, moved)
    np.savez(tmp_path / "raw.npz", **{name: tensor.numpy() for name, tensor in raw.items()})
    command = [sys.executable, "-I", "-c", FRESH, str(moved), str(tmp_path / "raw.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    np.testing.assert_allclose(json.loads(done.stdout), scores(loaded, raw), atol=1e-7)


def test_model_json_says_what_the_model_is(trained: Trained, loaded: Any) -> None:
    content = json.loads((trained.model / "model.json").read_text())
    assert content == {
        "name": "flights",
        "label": "late",
        "kind": "wide_deep",
        "features": {"numeric": list(NUMERIC), "categorical": list(CATEGORICAL)},
        "parameters": trained.summary["parameters"],
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    statistics = 2 * 16  # moving mean and variance of the batch norm are not learned
    assert content["parameters"] == sum(int(np.prod(weight.shape)) for weight in loaded.weights) - statistics


def test_a_folder_without_a_graph_is_rejected(inputs: shards.ModelInputs, tmp_path: Path) -> None:
    model = models.build(inputs, Training(model="linear"))
    with raises(TrainingError, expected=re.compile("transform_fn/")):
        export.save(model, tmp_path, inputs, "flights", tmp_path / "model")


@pytest.mark.parametrize(
    "wrong",
    [
        {"dense": ("distance", "speed")},
        {"numeric": ("distance", "minute_of_day")},
        {"categorical": (*CATEGORICAL, "tailnum")},
    ],
    ids=["unknown output", "missing input", "unknown input"],
)
def test_a_graph_that_does_not_fit_features_json_is_rejected(
    wrong: dict[str, Any], inputs: shards.ModelInputs, transform_graph: Path, tmp_path: Path
) -> None:
    from dataclasses import replace

    other = replace(inputs, **wrong)
    model = models.build(other, Training(model="linear"))
    with raises(TrainingError, expected=re.compile(r"features\.json")):
        export.save(model, transform_graph, other, "flights", tmp_path / "model")
