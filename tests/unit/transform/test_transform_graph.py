"""The learned graph, applied outside Beam: the same numbers, and an answer to every value."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import tensorflow as tf
import tensorflow_transform as tft
from numpy.typing import NDArray

from components.shared.rows.raw import raw_tensors
from configs.features import Categorical, Cross, Features, Numeric

NUMBERS = ("distance", "air_time", "dep_delay", "minute", "gust", "constant", "nothing", "bare")
STRINGS = ("carrier", "dest", "tailnum", "flight", "weekend")


@pytest.fixture(scope="module")
def layer(transformed: Any) -> Any:
    return tft.TFTransformOutput(str(transformed.graph)).transform_features_layer()


def apply(layer: Any, **values: Any) -> dict[str, NDArray[Any]]:
    """The graph's outputs for rows in which everything not given is missing."""
    rows = len(next(iter(values.values())))
    raw = {name: np.array(values.get(name, [np.nan] * rows), np.float32) for name in NUMBERS}
    raw |= {name: np.array(values.get(name, [b""] * rows), object) for name in STRINGS}
    return {name: tensor.numpy() for name, tensor in layer(raw).items()}


@pytest.mark.parametrize("split", ["train", "eval"])
def test_beam_and_a_plain_loop_over_the_saved_graph_agree(transformed: Any, layer: Any, split: Any) -> None:
    table, examples = transformed.raw(split), transformed.split(split)
    features = Features(
        numeric=dict.fromkeys(NUMBERS, Numeric()), categorical=dict.fromkeys(STRINGS, Categorical())
    )
    done = 0
    for batch in table.to_batches(max_chunksize=333):
        outputs = layer(raw_tensors(batch, features))
        for name in (*transformed.features["dense"], *transformed.features["indexed"]):
            expected = examples[name].slice(done, batch.num_rows).to_numpy()
            np.testing.assert_array_equal(outputs[name].numpy(), expected, err_msg=name)
        done += batch.num_rows
    assert done == examples.num_rows


def test_a_category_never_seen_has_the_last_index(transformed: Any, layer: Any) -> None:
    unseen = [b"ZZ", b"carrier=UA", b"UA\n", b"\xff", "日本".encode(), b"x" * 10_000_000]
    last = transformed.features["indexed"]["carrier"] - 1
    assert apply(layer, carrier=unseen)["carrier"].tolist() == [last] * len(unseen)


def test_a_category_of_another_column_is_not_known_in_this_one(transformed: Any, layer: Any) -> None:
    outputs = apply(layer, carrier=[b"UA", b"ATL"], dest=[b"UA", b"ATL"])
    assert outputs["carrier"][1] == transformed.features["indexed"]["carrier"] - 1
    assert outputs["dest"][0] == transformed.features["indexed"]["dest"] - 1
    assert outputs["carrier"][0] != outputs["carrier"][1]
    assert outputs["dest"][0] != outputs["dest"][1]


def test_nan_and_infinities_are_missing_when_the_graph_is_applied(layer: Any) -> None:
    wrong = [np.nan, np.inf, -np.inf]
    outputs = apply(layer, air_time=wrong, dep_delay=wrong, gust=wrong)
    for name in ("air_time", "dep_delay"):
        assert outputs[name].tolist() == [0.0] * 3
        assert outputs[f"{name}_missing"].tolist() == [1.0] * 3
    assert outputs["gust"].tolist() == [4] * 3


def test_a_column_that_never_varied_stays_zero_whatever_comes(layer: Any) -> None:
    assert apply(layer, constant=[0.1, 7.0, 1e9, np.nan])["constant"].tolist() == [0.0] * 4


def test_numbers_beyond_those_of_training_fall_into_the_outer_buckets(layer: Any) -> None:
    assert apply(layer, minute=[-1e9, 1e9])["minute"].tolist() == [0, 7]


def test_every_row_of_missing_values_has_an_answer(transformed: Any, layer: Any) -> None:
    outputs = apply(layer, distance=[np.nan])
    assert all(np.isfinite(outputs[name]).all() for name in transformed.features["dense"])
    for name, cardinality in transformed.features["indexed"].items():
        assert 0 <= outputs[name][0] < cardinality


def test_the_graph_does_not_know_the_label(transformed: Any) -> None:
    learned = tft.TFTransformOutput(str(transformed.graph))
    assert "late" not in learned.transformed_feature_spec()
    assert set(learned.transformed_feature_spec()) >= set(transformed.features["dense"])


def test_the_graph_travels_inside_a_saved_model(layer: Any, tmp_path: Any) -> None:
    class Scorer(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        @tf.function  # type: ignore[untyped-decorator]
        def __call__(self, raw: Any) -> Any:
            return self.layer(raw)["carrier"]

    scorer = Scorer()
    raw = {name: tf.TensorSpec([None], tf.float32, name) for name in NUMBERS}
    raw |= {name: tf.TensorSpec([None], tf.string, name) for name in STRINGS}
    tf.saved_model.save(scorer, str(tmp_path), signatures=scorer.__call__.get_concrete_function(raw))
    served = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    batch = {name: tf.constant([1.0, 2.0]) for name in NUMBERS}
    batch |= {name: tf.constant(["UA", "no such"]) for name in STRINGS}
    [index] = served(**batch).values()
    assert index.numpy().tolist() == layer(batch)["carrier"].numpy().tolist()


@pytest.mark.parametrize(
    "features",
    [
        Features(categorical={"flight": Categorical(transform="hash", buckets=7)}),
        Features(
            numeric={"distance": Numeric(transform="bucketize", buckets=3)},
            crosses={"far_twice": Cross(of=("distance", "distance"), buckets=5)},
        ),
    ],
    ids=["nothing to learn", "only buckets"],
)
def test_any_kind_of_feature_may_stand_alone(run: Any, transformed: Any, features: Features) -> None:
    done = run(transformed.rows, run.stage(features))
    assert done.features["dense"] == []
    assert done.split("train").num_rows == transformed.split("train").num_rows
    assert isinstance(done.split("train"), pa.Table)
