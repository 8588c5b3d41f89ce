"""A model that learns on several devices: each takes a share of every batch, the gradients are summed."""

from typing import Any

import keras
import tensorflow as tf

from components.train.devices import Devices
from components.train.learner import Floats, Learner
from configs.errors import TrainingError
from configs.training import Training


class Replicas(Learner):
    """The same steps as a `Learner` takes on the same batches, but for the order of sums and dropout's masks.

    Args:
        model: Made under the devices' strategy, for as many replicas.
        training: How it learns; its batch is that of all devices together.
        steps: The length of the whole training.
        weights: The weight of a negative and of a positive example.
        devices: At least two.

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
        _check(training, devices)
        with devices.strategy.scope():
            super().__init__(model, training, steps, weights, devices.replicas)
        self._devices = devices
        self._gradients = self._differentiated
        if training.xla:
            self._gradients = tf.function(self._differentiated, autograph=False, jit_compile=True)
        self._together = self._on_every_replica(self._replica_step)
        self._scored = self._on_every_replica(self._logits)

    def own(self, label: Floats) -> Floats:
        """The labels of a batch whose examples this process learns or scores."""
        return self._devices.joined(*self._devices.shares(label))

    def gathered(self, values: Floats) -> Floats:
        """What all hosts have of such labels or logits, host by host."""
        return self._devices.gathered(values)

    def _on_every_replica(self, work: Any) -> Any:
        return tf.function(
            lambda *arguments: self._devices.strategy.run(work, args=arguments), autograph=False
        )

    def step(self, dense: Any, indexed: Any, label: Any) -> tuple[Any, Any]:
        """Learn a batch: the loss of all of it, and the logits of this process's examples."""
        shares = self._devices.shares(dense, indexed, label)
        loss, logits = self._together(*shares, tf.constant(len(label), tf.float32))
        return float(self._devices.strategy.experimental_local_results(loss)[0]), self._devices.joined(logits)

    def logits(self, dense: Any, indexed: Any) -> Any:
        """The logits of this process's examples of a batch."""
        return self._devices.joined(self._scored(*self._devices.shares(dense, indexed)))

    def _replica_step(self, dense: Any, indexed: Any, label: Any, rows: Any) -> tuple[Any, Any]:
        """On one replica: its share of the batch, the gradients of all shares."""
        loss, logits, gradients = self._gradients(dense, indexed, label, rows)
        context = tf.distribute.get_replica_context()
        *gradients, loss = context.all_reduce(tf.distribute.ReduceOp.SUM, [*gradients, loss])
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss, logits


def _check(training: Training, devices: Devices) -> None:
    """XLA compiles what a replica does by itself; batch normalization asks the others in between."""
    if training.xla and training.batch_norm:
        raise TrainingError(
            f"training.xla on {devices.replicas} devices",
            expected="a model without training.batch_norm",
            got="both",
            remedy="Set one of them to false.",
        )
