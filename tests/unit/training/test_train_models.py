"""The models: what each knob changes in their structure."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.train import models
from components.train.shards import ModelInputs
from configs.training import Training

INPUTS = ModelInputs(
    dense=("a", "b"), indexed={"x": 5, "y": 300, "z": 7}, label="late", numeric=("a", "b"), categorical=("x",)
)


def build(inputs: ModelInputs = INPUTS, base_rate: float = 0.5, **knobs: object) -> keras.Model:
    keras.utils.set_random_seed(1)
    return models.build(inputs, Training.model_validate({"hidden_units": (8, 4), **knobs}), base_rate)


def batch(rows: int = 50, inputs: ModelInputs = INPUTS) -> list[tf.Tensor]:
    random = np.random.default_rng(3)
    indexed = [random.integers(0, cardinality, rows) for cardinality in inputs.indexed.values()]
    return [
        tf.constant(random.normal(size=(rows, len(inputs.dense))), tf.float32),
        tf.constant(np.stack(indexed, axis=1) if indexed else np.empty((rows, 0)), tf.int32),
    ]


def kinds(model: keras.Model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_a_linear_model_is_a_sum_of_weights() -> None:
    model = build(model="linear")
    assert {weight.path: weight.shape for weight in model.weights} == {
        "wide_dense/kernel": (2, 1),
        "wide_indexed/table": (312, 1),
        "logit/bias": (1,),
    }
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.normal(size=weight.shape))
    values = {weight.path: weight.numpy().ravel() for weight in model.weights}
    kernel, table, bias = values["wide_dense/kernel"], values["wide_indexed/table"], values["logit/bias"]
    dense, indexed = (tensor.numpy() for tensor in batch())
    x, y, z = indexed.T
    expected = dense @ kernel + table[x] + table[5 + y] + table[305 + z] + bias
    np.testing.assert_allclose(model(batch())[:, 0], expected, rtol=1e-5)


def test_wide_deep_is_the_sum_of_linear_and_dnn() -> None:
    both, wide, deep = (build(model=kind, dropout=0.0) for kind in ("wide_deep", "linear", "dnn"))
    assert {weight.path for weight in both.weights} == {w.path for w in wide.weights + deep.weights}
    values = {weight.path: weight.numpy() for weight in both.weights}
    for model in (wide, deep):
        for weight in model.weights:
            weight.assign(values[weight.path])
    np.testing.assert_allclose(both(batch()), wide(batch()) + deep(batch()), atol=1e-6)


def test_hidden_units_size_the_layers() -> None:
    shapes = {weight.path: weight.shape for weight in build(model="dnn", hidden_units=(32, 16, 8)).weights}
    width = 2 + 4 + 12 + 4
    assert shapes["hidden_1/kernel"] == (width, 32)
    assert shapes["hidden_2/kernel"] == (32, 16)
    assert shapes["hidden_3/kernel"] == (16, 8)
    assert shapes["deep/kernel"] == (8, 1)


@pytest.mark.parametrize(
    ("cardinality", "dim"), [(1, 4), (16, 4), (17, 8), (256, 8), (257, 12), (65_536, 32), (10_000_000, 32)]
)
def test_embedding_dimensions_follow_the_fourth_root(cardinality: int, dim: int) -> None:
    assert models.embedding_dim(cardinality) == dim


def test_inputs_of_one_embedding_dimension_share_a_table() -> None:
    tables = {weight.path: weight.shape for weight in build(model="dnn").weights if "table" in weight.path}
    assert tables == {"embedding_4/table": (5 + 7, 4), "embedding_12/table": (300, 12)}
    fixed = {w.path: w.shape for w in build(model="dnn", embedding_dim=6).weights if "table" in w.path}
    assert fixed == {"embedding_6/table": (312, 6)}


def test_every_index_has_a_vector_of_its_own() -> None:
    layer = models.Lookup(
        {0: 5, 2: 7}, 4, initializer=keras.initializers.RandomNormal(seed=1), regularizer=None, name="lookup"
    )
    indices = [[x, 0, z] for x in range(5) for z in range(7)]
    vectors = layer(tf.constant(indices)).numpy()
    table = layer.table.numpy()
    expected = [[*table[x], *table[5 + z]] for x, _, z in indices]
    np.testing.assert_array_equal(vectors, expected)
    np.testing.assert_array_equal(layer(tf.constant(indices), training=True), vectors)


def test_dropout_drops_in_training_only() -> None:
    dropped, kept = build(dropout=0.5), build(dropout=0.0)
    assert kinds(dropped).count("Dropout") == 2
    assert "Dropout" not in kinds(kept)
    np.testing.assert_array_equal(dropped(batch()), kept(batch()))
    assert not np.array_equal(dropped(batch(), training=True), dropped(batch()))


def test_batch_norm_stands_between_a_layer_and_its_activation() -> None:
    model = build(model="dnn", batch_norm=True, dropout=0.0)
    hidden = kinds(model)[kinds(model).index("Dense") :]
    assert hidden == ["Dense", "BatchNormalization", "ReLU"] * 2 + ["Dense", "_Bias"]
    assert "BatchNormalization" not in kinds(build(model="dnn"))


def test_penalties_count_kernels_and_embeddings_but_not_biases() -> None:
    model = build(l1=0.5, l2=0.25)
    penalized = [weight.numpy() for weight in model.weights if "bias" not in weight.path]
    expected = sum(0.5 * np.abs(w).sum() + 0.25 * np.square(w).sum() for w in penalized)
    assert float(tf.add_n(model.losses)) == pytest.approx(expected, rel=1e-5)
    assert build().losses == []


def test_an_untrained_linear_model_predicts_the_base_rate() -> None:
    logits = build(model="linear", base_rate=0.03)(batch())
    np.testing.assert_allclose(tf.sigmoid(logits), 0.03, rtol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "dnn", "wide_deep"])
@pytest.mark.parametrize("left_out", ["dense", "indexed"])
def test_one_sort_of_inputs_is_enough(kind: str, left_out: str) -> None:
    inputs = ModelInputs(
        dense=() if left_out == "dense" else ("a",),
        indexed={} if left_out == "indexed" else {"x": 5},
        label="late",
        numeric=(),
        categorical=(),
    )
    logits = build(inputs, model=kind)(batch(inputs=inputs))
    assert logits.shape == (50, 1)
    assert np.isfinite(logits).all()


def test_the_seed_decides_the_first_weights() -> None:
    first, again, other = (build(seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))
