"""The training loop: epochs over the examples, the best weights, a checkpoint after each epoch.

Our own loop instead of `Model.fit`: it resumes to the same bits with the patience and the best weights
of the killed run, measures exactly, and runs where `fit` fails (MultiWorkerMirroredStrategy).
"""

import contextlib
import math
import time
from typing import NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from components.shared.files.place import Place
from components.shared.stage.recording import Progress
from components.train.checkpoints import Checkpoints, Epoch, State, open_board
from components.train.devices import Devices
from components.train.examples import Examples
from components.train.learner import Learner, Replicas
from configs.errors import TrainingError
from configs.training import Training

Floats = NDArray[np.floating]

_EVAL_ROWS = 16_384


class Splits(NamedTuple):
    """What is learned, and what tells how well."""

    train: Examples
    eval: Examples


def fit(  # noqa: PLR0913, PLR0917 - what is learned, how, where, and who watches
    model: keras.Model,
    splits: Splits,
    training: Training,
    checkpoints: Checkpoints,
    progress: Progress,
    devices: Devices | None = None,
    shown: Place | None = None,
) -> State:
    """Train the model, from the checkpoint if there is one; it ends with the best weights by eval AUC.

    Args:
        model: Made under the devices' strategy.
        splits: What is learned, and what tells how well.
        training: How it learns.
        checkpoints: Written after each epoch, by the chief.
        progress: Called with every batch.
        devices: What it learns on; None: one device.
        shown: Where a TensorBoard looks for its curves, if one does.

    Raises:
        TrainingError: The loss is not finite, or the hosts found different checkpoints.
    """
    steps = training.epochs * math.ceil(splits.train.rows / batch_size(splits.train, training))
    devices = devices or Devices()
    how = training, steps, class_weights(splits.train, training)
    learner = Learner(model, *how) if devices.replicas == 1 else Replicas(model, *how, devices)
    state = checkpoints.load(learner.variables)
    _check_alike(len(state.epochs), devices, checkpoints)
    with contextlib.ExitStack() as files:
        draw = files.enter_context(open_board(checkpoints.board, shown)) if devices.chief else None
        while not state.finished(training):
            epoch = _epoch(learner, splits, training, len(state.epochs) + 1, progress)
            state.add(epoch, learner.weights)
            if draw:
                draw(epoch)
                checkpoints.save(learner.variables, state)
    learner.restore(state.best)
    return state


def _check_alike(epochs: int, devices: Devices, checkpoints: Checkpoints) -> None:
    """Every host goes on after the same epoch; the first to arrive wait for the last."""
    found = devices.gathered(np.array([epochs], np.float32))
    if len(set(found)) > 1:
        raise TrainingError(
            f"the checkpoint in {checkpoints.folder}",
            expected="one that every host sees",
            got=f"{', '.join(str(int(each)) for each in found)} finished epochs, host by host",
            remedy="Give checkpoints a place that all hosts share, like gs://BUCKET/checkpoints.",
        )


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
    eval_loss = log_loss(eval_label, eval_logit)
    if not math.isfinite(eval_loss):
        raise _diverged(f"eval loss after epoch {number}", eval_loss, training)
    return Epoch(
        epoch=number,
        loss=log_loss(label, logit),
        auc=auc(label, logit),
        eval_loss=eval_loss,
        eval_auc=auc(eval_label, eval_logit),
        learning_rate=learner.learning_rate,
        seconds=round(seconds, 3),
        examples_per_second=round(splits.train.rows / seconds, 1),
    )


def _learn(
    learner: Learner, train: Examples, training: Training, number: int, progress: Progress
) -> tuple[Floats, Floats]:
    """One epoch: labels and logits in the order of learning (8 bytes an example in memory)."""
    labels, logits = [], []
    done, what = 0, f"epoch {number} of {training.epochs}, examples"
    order = np.random.default_rng([training.seed, number])
    for step, batch in enumerate(train.batches(batch_size(train, training), order), start=1):
        loss, logit = learner.step(*batch)
        if not math.isfinite(float(loss)):
            raise _diverged(f"loss in epoch {number}, step {step}", float(loss), training)
        labels.append(learner.own(batch.label))
        logits.append(np.asarray(logit))
        done += len(batch.label)
        progress(what, done, train.rows)
    return learner.gathered(np.concatenate(labels)), learner.gathered(np.concatenate(logits))


def score(learner: Learner, examples: Examples) -> tuple[Floats, Floats]:
    """Labels and logits of a split, [rows] each: as they lie, host by host."""
    pairs = [
        (learner.own(batch.label), np.asarray(learner.logits(*batch[:2])))
        for batch in examples.batches(_EVAL_ROWS)
    ]
    labels, logits = zip(*pairs, strict=True)
    return learner.gathered(np.concatenate(labels)), learner.gathered(np.concatenate(logits))


def _diverged(subject: str, loss: float, training: Training) -> TrainingError:
    limit = "" if training.clip_norm else ", or set training.clip_norm, e.g. to 1.0"
    return TrainingError(
        subject,
        expected="a finite number",
        got=str(loss),
        remedy=f"Lower training.learning_rate (now {training.learning_rate:g}){limit}.",
    )


def auc(label: Floats, score: Floats) -> float:
    """The area under the ROC curve: how often a positive is above a negative, ties counting half.

    The Mann-Whitney U statistic over all pairs (Fawcett 2006, section 7), in O(n log n).

    Args:
        label: 0 or 1, [rows], both present.
        score: Any number that grows with the probability, [rows].
    """
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    positives = np.bincount(place, label, len(count))
    negatives = count - positives
    below = np.cumsum(negatives) - negatives
    return float(np.sum(positives * (below + negatives / 2)) / (positives.sum() * negatives.sum()))


def log_loss(label: Floats, logit: Floats) -> float:
    """The mean of -log P(label), P = sigmoid(logit)."""
    x = logit.astype(np.float64)
    return float(np.mean(np.logaddexp(0.0, x) - label * x))
