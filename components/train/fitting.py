"""The training loop: epochs over the examples, the best weights kept, a checkpoint after each epoch.

Our own loop instead of `Model.fit`: it resumes to the same bits with the patience and the best weights
of the killed run, measures exactly, and runs where `fit` fails (MultiWorkerMirroredStrategy).
"""

import math
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.recording import Progress
from components.train import metrics
from components.train.checkpoints import Checkpoints, Epoch, State
from components.train.examples import Examples
from components.train.history import Board
from components.train.optimization import LearningRate, optimizer
from configs.errors import TrainingError
from configs.settings import Training

_EVAL_ROWS = 16_384
Floats = NDArray[np.float32]


class Splits(NamedTuple):
    """What is learned, and what tells how well."""

    train: Examples
    eval: Examples


class Learner:
    """A model and its optimizer: one step of learning, and scoring.

    Compiled by tf.function without XLA: on CPU that took as long without dropout and 20 times as long
    with it (its random numbers).

    Args:
        model: From [dense, indexed] to logits [batch, 1].
        training: How it learns.
        steps: The length of the whole training.
        weights: The weight of a negative and of a positive example.
    """

    def __init__(
        self, model: keras.Model, training: Training, steps: int, weights: tuple[float, float] = (1.0, 1.0)
    ) -> None:
        self.model, self._weights = model, weights
        self._rate = LearningRate(training.learning_rate, training.schedule, steps)
        self.optimizer = optimizer(training, self._rate)
        self.optimizer.build(model.trainable_variables)
        inputs = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
        label = tf.TensorSpec((None,), tf.float32)
        self.step = tf.function(self._step, input_signature=[*inputs, label], autograph=False)
        self.logits = tf.function(self._logits, input_signature=inputs, autograph=False)

    @property
    def variables(self) -> list[keras.Variable]:
        """All that changes: weights, statistics, seeds of dropout, the optimizer's moments and step."""
        return [*self.model.variables, *self.optimizer.variables]

    @property
    def weights(self) -> list[Floats]:
        """A copy of what makes the model: its weights and statistics."""
        return [weight.numpy() for weight in self.model.weights]

    def restore(self, weights: list[Floats]) -> None:
        """Put such a copy back."""
        for weight, value in zip(self.model.weights, weights, strict=True):
            weight.assign(value)

    @property
    def learning_rate(self) -> float:
        """The rate of the last step."""
        return float(self._rate(int(self.optimizer.iterations) - 1))

    def _step(self, dense: Any, indexed: Any, label: Any) -> tuple[Any, Any]:
        """Learn a batch: the loss with weights and penalties, and the logits [batch] before the step."""
        with tf.GradientTape() as tape:
            logits = self.model([dense, indexed], training=True)[:, 0]
            losses = tf.nn.sigmoid_cross_entropy_with_logits(label, logits)
            weights = tf.where(label > 0, self._weights[1], self._weights[0])
            loss = tf.add_n([tf.reduce_mean(losses * weights), *self.model.losses])
        variables = self.model.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss, logits

    def _logits(self, dense: Any, indexed: Any) -> Any:
        return self.model([dense, indexed], training=False)[:, 0]


def fit(
    model: keras.Model,
    splits: Splits,
    training: Training,
    checkpoints: Checkpoints,
    progress: Progress,
) -> State:
    """Train the model, from the checkpoint if there is one; it ends with the best weights by eval AUC.

    Raises:
        TrainingError: The loss is not finite.
    """
    steps = training.epochs * math.ceil(splits.train.rows / batch_size(splits.train, training))
    learner = Learner(model, training, steps, class_weights(splits.train, training))
    state = checkpoints.load(learner.variables)
    with Board(checkpoints.board) as board:
        while not state.finished(training):
            number = len(state.epochs) + 1
            epoch = _epoch(learner, splits, training, number, progress)
            state.add(epoch, learner.weights)
            board.add(epoch)
            checkpoints.save(learner.variables, state)
    learner.restore(state.best)
    return state


def class_weights(train: Examples, training: Training) -> tuple[float, float]:
    """The weight of a negative and of a positive: 1, or n / (2 · n_class) for `balanced`."""
    if training.class_weight == "none":
        return 1.0, 1.0
    return train.rows / (2 * (train.rows - train.positives)), train.rows / (2 * train.positives)


def batch_size(train: Examples, training: Training) -> int:
    """The set size, or the power of two that makes about 100 steps an epoch, from 64 to 2048."""
    return training.batch_size or min(2048, max(64, 2 ** round(math.log2(train.rows / 100))))


def _epoch(learner: Learner, splits: Splits, training: Training, number: int, progress: Progress) -> Epoch:
    started = time.perf_counter()
    label, logit = _learn(learner, splits.train, training, number, progress)
    seconds = time.perf_counter() - started
    eval_label, eval_logit = score(learner, splits.eval)
    eval_loss = metrics.log_loss(eval_label, eval_logit)
    if not math.isfinite(eval_loss):
        raise _diverged(f"eval loss after epoch {number}", eval_loss, training)
    return Epoch(
        epoch=number,
        loss=metrics.log_loss(label, logit),
        auc=metrics.auc(label, logit),
        eval_loss=eval_loss,
        eval_auc=metrics.auc(eval_label, eval_logit),
        learning_rate=learner.learning_rate,
        seconds=round(seconds, 3),
        examples_per_second=round(splits.train.rows / seconds, 1),
    )


def _learn(
    learner: Learner, train: Examples, training: Training, number: int, progress: Progress
) -> tuple[Floats, Floats]:
    """One epoch: labels and logits in the order of learning (8 bytes an example are kept)."""
    labels, logits = [], []
    done, what = 0, f"epoch {number} of {training.epochs}, examples"
    order = np.random.default_rng([training.seed, number])
    for step, batch in enumerate(train.batches(batch_size(train, training), order), start=1):
        loss, logit = learner.step(*batch)
        if not math.isfinite(float(loss)):
            raise _diverged(f"loss in epoch {number}, step {step}", float(loss), training)
        labels.append(batch.label)
        logits.append(logit.numpy())
        done += len(batch.label)
        progress(what, done, train.rows)
    return np.concatenate(labels), np.concatenate(logits)


def score(learner: Learner, examples: Examples) -> tuple[Floats, Floats]:
    """Labels and logits of a split, [rows] each, as they lie."""
    pairs = ((batch.label, learner.logits(*batch[:2]).numpy()) for batch in examples.batches(_EVAL_ROWS))
    label, logit = _columns(pairs)
    return label, logit


def _columns(pairs: Iterable[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    first, second = zip(*pairs, strict=True)
    return np.concatenate(first), np.concatenate(second)


def _diverged(subject: str, loss: float, training: Training) -> TrainingError:
    limit = "" if training.clip_norm else ", or set training.clip_norm, e.g. to 1.0"
    return TrainingError(
        subject,
        expected="a finite number",
        got=str(loss),
        way_out=f"Lower training.learning_rate (now {training.learning_rate:g}){limit}.",
    )
