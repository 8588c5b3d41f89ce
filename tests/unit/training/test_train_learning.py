"""How weights move: schedule, optimizers, clipping, penalties, class weights."""

import itertools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.train import models
from components.train.examples import load
from components.train.fitting import class_weights
from components.train.learner import Learner, LearningRate
from components.train.shards import ModelInputs
from configs.training import Schedule, Training

INPUTS = ModelInputs(dense=("a", "b"), indexed={"x": 5}, label="late", numeric=("a", "b"), categorical=("x",))


def rate(step: int, **knobs: object) -> float:
    return float(LearningRate(0.1, Schedule.model_validate(knobs), steps=100)(step))


def test_a_constant_rate_stays() -> None:
    assert [rate(step, kind="constant") for step in (0, 50, 99)] == pytest.approx([0.1] * 3)


def test_cosine_is_half_at_the_middle_and_nothing_at_the_end() -> None:
    expected = [0.1, 0.05 * (1 + np.cos(np.pi / 4)), 0.05, 0.0]
    assert [rate(step, kind="cosine") for step in (0, 25, 50, 100)] == pytest.approx(expected, abs=1e-7)


def test_exponential_ends_at_its_share_of_the_first_rate() -> None:
    rates = [rate(step, kind="exponential", decay_rate=0.01) for step in (0, 50, 100)]
    assert rates == pytest.approx([0.1, 0.01, 0.001])


@pytest.mark.parametrize("kind", ["constant", "cosine", "exponential"])
def test_warm_up_grows_evenly_to_the_peak_and_the_rest_follows(kind: str) -> None:
    rates = [rate(step, kind=kind, warmup_fraction=0.2) for step in range(100)]
    assert rates[:20] == pytest.approx([0.1 * (step + 1) / 20 for step in range(20)], rel=1e-5)
    assert rates[20] == pytest.approx(0.1)
    assert all(later <= earlier + 1e-7 for earlier, later in itertools.pairwise(rates[20:]))


def learner(weights: tuple[float, float] = (1.0, 1.0), **knobs: Any) -> Learner:
    keras.utils.set_random_seed(1)
    small = {"hidden_units": (8,), "dropout": 0.0, "schedule": {"kind": "constant"}}
    training = Training.model_validate(small | knobs)
    return Learner(models.build(INPUTS, training), training, steps=100, weights=weights)


def batch(rows: int = 200) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    random = np.random.default_rng(2)
    dense = random.normal(size=(rows, 2)) * 10
    return (
        tf.constant(dense, tf.float32),
        tf.constant(random.integers(0, 5, (rows, 1)), tf.int32),
        tf.constant((dense[:, 0] > 0), tf.float32),
    )


def moved(which: Learner, steps: int = 1) -> list[np.ndarray]:
    before = which.weights
    for _ in range(steps):
        which.step(*batch())
    return [after - each for each, after in zip(before, which.weights, strict=True)]


def length(vectors: list[np.ndarray]) -> float:
    return float(np.sqrt(sum(np.square(vector).sum() for vector in vectors)))


def test_clip_norm_bounds_the_whole_update() -> None:
    free = length(moved(learner(optimizer="sgd", learning_rate=1.0)))
    clipped = length(moved(learner(optimizer="sgd", learning_rate=1.0, clip_norm=0.05)))
    assert free > 0.5
    assert clipped == pytest.approx(0.05, rel=1e-3)


@pytest.mark.parametrize("kind", ["adam", "adamw", "sgd", "ftrl"])
def test_every_optimizer_learns(kind: str) -> None:
    which = learner(optimizer=kind, learning_rate=0.02)
    losses = [float(which.step(*batch())[0]) for _ in range(40)]
    assert losses[-1] < 0.8 * losses[0]


def test_adamw_shrinks_weights_but_not_biases() -> None:
    start = {weight.path: weight.numpy() for weight in learner().model.weights}
    moves = {}
    for decay in (0.0, 0.5):
        which = learner(optimizer="adamw", weight_decay=decay, learning_rate=0.01)
        which.step(*batch())
        moves[decay] = {weight.path: weight.numpy() for weight in which.model.weights}
    for path, first in start.items():
        expected = 0.0 if "bias" in path else -0.01 * 0.5 * first
        np.testing.assert_allclose(moves[0.5][path] - moves[0.0][path], expected, atol=1e-6)


@pytest.mark.parametrize("knob", ["l1", "l2"])
def test_a_penalty_shrinks_the_weights(knob: str) -> None:
    free, bound = (
        learner(learning_rate=0.05),
        learner(weights=(1.0, 1.0), **{"learning_rate": 0.05, knob: 0.1}),
    )
    for which in (free, bound):
        moved(which, 60)
    sizes = [
        length([w.numpy() for w in which.model.weights if "bias" not in w.path]) for which in (free, bound)
    ]
    assert sizes[1] < 0.5 * sizes[0]


def test_class_weights_scale_the_loss_of_each_class() -> None:
    dense, indexed, label = batch()
    logits = learner().logits(dense, indexed)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(label, logits)
    expected = tf.reduce_mean(losses * tf.where(label > 0, 5.0, 0.5))
    loss, before = learner(weights=(0.5, 5.0)).step(dense, indexed, label)
    assert float(loss) == pytest.approx(float(expected), rel=1e-6)
    np.testing.assert_allclose(before, logits, atol=1e-6)


def test_balanced_classes_weigh_the_same_in_all(examples: Path, inputs: ModelInputs) -> None:
    train = load(examples, "train", inputs, Training())
    negative, positive = class_weights(train, Training(class_weight="balanced"))
    assert positive * train.positives == pytest.approx(negative * (train.rows - train.positives))
    assert positive * train.positives == pytest.approx(train.rows / 2)
    assert class_weights(train, Training()) == (1.0, 1.0)


def test_the_learning_rate_is_that_of_the_last_step() -> None:
    which = learner(schedule={"kind": "exponential", "decay_rate": 0.01}, learning_rate=0.1)
    for _ in range(51):
        which.step(*batch())
    assert which.learning_rate == pytest.approx(0.01, rel=1e-4)
