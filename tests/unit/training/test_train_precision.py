"""Mixed precision and XLA change how a model learns, not what is served."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from components.train import models
from components.train.learner import Learner
from components.train.shards import ModelInputs
from configs.training import Training

Trainer = Any
Trained = Any
"""Those of conftest.py."""


@pytest.fixture(scope="module")
def pair(trainer: Trainer) -> dict[str, Trained]:
    """The same training in two precisions; without dropout, whose masks depend on it."""
    return {
        kind: trainer(mixed_precision=kind, batch_norm=True, epochs=3, hidden_units=(16, 8))
        for kind in ("none", "bfloat16")
    }


def scores(trained: Trained, rows: dict[str, Any]) -> Any:
    served = tf.saved_model.load(str(trained.model)).signatures["serving_default"]
    wanted = served.structured_input_signature[1]
    return served(**{name: tf.constant(rows[name]) for name in wanted})["score"].numpy()


def test_bfloat16_learns_nearly_what_float32_learns(pair: dict[str, Trained], rows: Any) -> None:
    mixed, whole = (scores(pair[kind], rows["eval"]) for kind in ("bfloat16", "none"))
    assert not np.array_equal(mixed, whole)
    np.testing.assert_allclose(mixed, whole, atol=0.02)
    assert pair["bfloat16"].summary["eval_auc"] == pytest.approx(pair["none"].summary["eval_auc"], abs=0.005)


def test_the_exported_model_is_float32_throughout(pair: dict[str, Trained]) -> None:
    content = (pair["bfloat16"].model / "saved_model.pb").read_bytes()
    (graph,) = saved_model_pb2.SavedModel.FromString(content).meta_graphs
    nodes = [node for function in graph.graph_def.library.function for node in function.node_def]
    kinds = {attribute.type for node in nodes for attribute in node.attr.values()}
    assert tf.float32.as_datatype_enum in kinds
    assert kinds.isdisjoint({tf.bfloat16.as_datatype_enum, tf.float16.as_datatype_enum})


INPUTS = ModelInputs(dense=("a", "b"), indexed={"x": 5}, label="late", numeric=("a", "b"), categorical=("x",))
BATCH = (
    np.linspace(-3, 3, 400, dtype=np.float32).reshape(200, 2),
    (np.arange(200, dtype=np.int32) % 5)[:, None],
    (np.arange(200) % 3 == 0).astype(np.float32),
)


def learned(**knobs: Any) -> tuple[Learner, list[float]]:
    """After 30 steps, and the loss at each of them."""
    keras.utils.set_random_seed(1)
    training = Training.model_validate({"hidden_units": (8,), "dropout": 0.0, "learning_rate": 0.02} | knobs)
    learner = Learner(models.build(INPUTS, training), training, steps=100)
    return learner, [float(learner.step(*BATCH)[0]) for _ in range(30)]


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_hidden_layers_compute_in_half_and_give_float32_logits_near_those_of_float32(kind: str) -> None:
    mixed, losses = learned(mixed_precision=kind)
    assert losses[-1] < losses[0]
    assert mixed.model.get_layer("hidden_1").compute_dtype == kind
    assert {weight.dtype for weight in mixed.weights} == {np.dtype("float32")}
    whole = models.build(INPUTS, Training(hidden_units=(8,), dropout=0.0))
    whole.set_weights(mixed.weights)
    logits = mixed.logits(*BATCH[:2])
    assert logits.dtype == tf.float32
    np.testing.assert_allclose(logits, whole([*BATCH[:2]])[:, 0], atol=0.02)


def test_a_step_of_float16_whose_gradients_overflow_is_skipped_and_scaled_less() -> None:
    learner, _ = learned(mixed_precision="float16")
    before, scale = learner.weights, float(learner.optimizer.dynamic_scale.numpy())
    learner.optimizer.dynamic_scale.assign(1e38)
    learner.step(*BATCH)
    assert all(np.array_equal(old, new) for old, new in zip(before, learner.weights, strict=True))
    assert float(learner.optimizer.dynamic_scale.numpy()) == pytest.approx(0.5e38)
    learner.optimizer.dynamic_scale.assign(scale)
    learner.step(*BATCH)
    assert not all(np.array_equal(old, new) for old, new in zip(before, learner.weights, strict=True))


def test_compiled_steps_are_the_same_steps() -> None:
    compiled, plain = learned(xla=True), learned()
    np.testing.assert_allclose(compiled[1], plain[1], atol=1e-5)
    for ours, theirs in zip(compiled[0].weights, plain[0].weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
