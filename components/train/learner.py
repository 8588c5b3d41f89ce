"""A model that learns, one step of the optimizer at a time: on one device, or on several."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from components.shared.vendor_seams import taking_summed_gradients
from components.train.devices import Devices
from configs.errors import TrainingError
from configs.training import Schedule, Training

Floats = NDArray[np.float32]
Step = Callable[..., Any]


class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The rate at each of `steps` steps: an even warm-up from zero, then constant, cosine or exponential.

    With p the share of the steps after the warm-up that is done, the peak is multiplied by
    ½·(1 + cos(π·p)) (cosine; Loshchilov and Hutter 2017) or decay_rate^p (exponential).

    Args:
        peak: The rate after the warm-up.
        schedule: The kind, and how long the warm-up is.
        steps: All steps of the training.
    """

    def __init__(self, peak: float, schedule: Schedule, steps: int) -> None:
        self._peak, self._schedule, self._steps = peak, schedule, steps

    def __call__(self, step: Any) -> Any:
        """The rate of this step, counted from 0."""
        step = ops.cast(step, "float32")
        warm = self._schedule.warmup_fraction * self._steps
        share = ops.clip((step - warm) / max(self._steps - warm, 1.0), 0.0, 1.0)
        growth = ops.minimum((step + 1.0) / max(warm, 1.0), 1.0)
        return self._peak * growth * self._decay(share)

    def _decay(self, share: Any) -> Any:
        match self._schedule.kind:
            case "constant":
                return 1.0
            case "cosine":
                return 0.5 * (1.0 + ops.cos(math.pi * share))
            case "exponential":
                return ops.power(self._schedule.decay_rate, share)

    def get_config(self) -> dict[str, Any]:
        """For Keras; the settings are what is saved."""
        return {"peak": self._peak, "schedule": self._schedule.model_dump(), "steps": self._steps}


def optimizer(training: Training, rate: LearningRate, replicas: int = 1) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, with this rate; for float16 it scales the loss.

    With several replicas it takes gradients that are summed over them already.
    """
    made = _optimizer(training, rate, taking_summed_gradients if replicas > 1 else lambda kind: kind)
    return keras.optimizers.LossScaleOptimizer(made) if training.mixed_precision == "float16" else made


def _optimizer(
    training: Training, rate: LearningRate, taking: Callable[[type], type]
) -> keras.optimizers.Optimizer:
    match training.optimizer:
        case "adam":
            return taking(keras.optimizers.Adam)(rate, global_clipnorm=training.clip_norm)
        case "adamw":
            decayed = taking(keras.optimizers.AdamW)(
                rate, weight_decay=training.weight_decay, global_clipnorm=training.clip_norm
            )
            decayed.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
            return decayed
        case "sgd":
            return taking(keras.optimizers.SGD)(rate, global_clipnorm=training.clip_norm)
        case "ftrl":
            return taking(keras.optimizers.Ftrl)(rate, global_clipnorm=training.clip_norm)


class Learner:
    """A model and its optimizer: one step of learning, and scoring.

    Args:
        model: From [dense, indexed] to logits [batch, 1].
        training: How it learns.
        steps: The length of the whole training.
        weights: The weight of a negative and of a positive example.
        replicas: Over how many devices a batch is spread.
    """

    def __init__(
        self,
        model: keras.Model,
        training: Training,
        steps: int,
        weights: tuple[float, float] = (1.0, 1.0),
        replicas: int = 1,
    ) -> None:
        self.model, self._weights, self._replicas = model, weights, replicas
        self._rate = LearningRate(training.learning_rate, training.schedule, steps)
        self.optimizer = optimizer(training, self._rate, replicas)
        self.optimizer.build(model.trainable_variables)
        inputs = [tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in model.inputs]
        label = tf.TensorSpec((None,), tf.float32)
        compiled = {"autograph": False, "jit_compile": training.xla or None}
        self._compiled_step: Step = tf.function(self._step, input_signature=[*inputs, label], **compiled)
        self._compiled_logits: Step = tf.function(self._logits, input_signature=inputs, **compiled)

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
        return float(self._rate(int(self.optimizer.iterations.numpy()) - 1))

    def step(self, dense: Any, indexed: Any, label: Any) -> tuple[Any, Any]:
        """Learn a batch: the loss of all of it with weights and penalties, and the logits before the step.

        The logits are those of the examples that this process learns, [rows] as in `own`.
        """
        loss, logits = self._compiled_step(dense, indexed, label)
        return loss, logits

    def logits(self, dense: Any, indexed: Any) -> Any:
        """The logits of the examples of a batch that this process scores, [rows] as in `own`."""
        return self._compiled_logits(dense, indexed)

    def own(self, label: Floats) -> Floats:
        """The labels of a batch that belong to the logits of `step` and `logits`: all on one host."""
        return label

    def gathered(self, values: Floats) -> Floats:
        """What all hosts have of such labels or logits, host by host."""
        return values

    def _step(self, dense: Any, indexed: Any, label: Any) -> tuple[Any, Any]:
        rows = tf.cast(tf.size(label), tf.float32)
        loss, logits, gradients = self._differentiated(dense, indexed, label, rows)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss, logits

    def _differentiated(self, dense: Any, indexed: Any, label: Any, rows: Any) -> tuple[Any, Any, Any]:
        """What these examples add to the loss of a batch of `rows`, their logits, and the gradients."""
        with tf.GradientTape() as tape:
            logits = self.model([dense, indexed], training=True)[:, 0]
            losses = tf.nn.sigmoid_cross_entropy_with_logits(label, logits)
            weights = tf.where(label > 0, self._weights[1], self._weights[0])
            penalties = [penalty / self._replicas for penalty in self.model.losses]
            loss = tf.add_n([tf.reduce_sum(losses * weights) / rows, *penalties])
            scaled = self.optimizer.scale_loss(loss)
        return loss, logits, tape.gradient(scaled, self.model.trainable_variables)

    def _logits(self, dense: Any, indexed: Any) -> Any:
        return self.model([dense, indexed], training=False)[:, 0]


class Replicas(Learner):
    """The same steps as a `Learner` takes on the same batches, but for the order of sums and dropout's masks.

    Each device takes a share of every batch, and the gradients are summed. The model is made under the
    devices' strategy, for as many replicas; they are at least two.

    Raises:
        TrainingError: XLA with batch normalization.
    """

    def __init__(
        self,
        model: keras.Model,
        training: Training,
        steps: int,
        weights: tuple[float, float],
        devices: Devices,
    ) -> None:
        if training.xla and training.batch_norm:  # a replica compiled by itself cannot ask the others
            raise TrainingError(
                f"training.xla on {devices.replicas} devices",
                expected="a model without training.batch_norm",
                got="both",
                remedy="Set one of them to false.",
            )
        with devices.strategy.scope():
            super().__init__(model, training, steps, weights, devices.replicas)
        self._devices = devices
        self._gradients = self._differentiated
        if training.xla:
            self._gradients = tf.function(self._differentiated, autograph=False, jit_compile=True)
        self._together = self._on_every_replica(self._replica_step)
        self._scored = self._on_every_replica(self._logits)

    def own(self, label: Floats) -> Floats:
        """The labels of this process's replicas."""
        return self._devices.joined(*self._devices.shares(label))

    def gathered(self, values: Floats) -> Floats:
        """Of all hosts, host by host."""
        return self._devices.gathered(values)

    def _on_every_replica(self, work: Any) -> Any:
        return tf.function(
            lambda *arguments: self._devices.strategy.run(work, args=arguments), autograph=False
        )

    def step(self, dense: Any, indexed: Any, label: Any) -> tuple[Any, Any]:
        """One step of all replicas."""
        shares = self._devices.shares(dense, indexed, label)
        loss, logits = self._together(*shares, tf.constant(len(label), tf.float32))
        return float(self._devices.strategy.experimental_local_results(loss)[0]), self._devices.joined(logits)

    def logits(self, dense: Any, indexed: Any) -> Any:
        """Those of this process's replicas."""
        return self._devices.joined(self._scored(*self._devices.shares(dense, indexed)))

    def _replica_step(self, dense: Any, indexed: Any, label: Any, rows: Any) -> tuple[Any, Any]:
        """On one replica: its share of the batch, the gradients of all shares."""
        loss, logits, gradients = self._gradients(dense, indexed, label, rows)
        context = tf.distribute.get_replica_context()
        *gradients, loss = context.all_reduce(tf.distribute.ReduceOp.SUM, [*gradients, loss])
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss, logits
