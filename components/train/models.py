"""The models: `linear`, `dnn` and `wide_deep`, functional Keras models from matrices to a logit."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from components.train.shards import ModelInputs
from configs.training import Training

_SEEDS_APART = 1 << 16
"""Between the seeds of two replicas: the layers' seeds lie in between."""


class Lookup(keras.layers.Layer):
    """Vectors for several indexed inputs from one table, each input with its own stretch of rows.

    One table means one gather, one gradient and one update, however many inputs there are.
    Takes indices [batch, all indexed inputs] and returns [batch, chosen inputs · dim].

    Args:
        cardinalities: The number of indices of each input that is looked up here, by its column.
        dim: The length of a vector.
        initializer: Of the table.
        regularizer: Of the table.
        name: Of the layer.
        dtype: Keras' policy for the vectors; the table is float32.
    """

    def __init__(  # noqa: PLR0913 - what any layer with a table takes
        self,
        cardinalities: Mapping[int, int],
        dim: int,
        *,
        initializer: keras.initializers.Initializer,
        regularizer: keras.regularizers.Regularizer | None,
        name: str,
        dtype: str = "float32",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        *self._offsets, self._rows = itertools.accumulate(cardinalities.values(), initial=0)
        self._places, self._dim = list(cardinalities), dim
        self._initializer, self._regularizer = initializer, regularizer

    def build(self, _: Any) -> None:
        """Make the table."""
        self.table = self.add_weight(
            name="table",
            shape=(self._rows, self._dim),
            initializer=self._initializer,
            regularizer=self._regularizer,
        )

    def call(self, indexed: Any, *, training: bool = False) -> Any:
        """Look the indices up."""
        rows = ops.take(indexed, self._places, axis=1) + ops.convert_to_tensor(self._offsets, "int32")
        # The product makes the gradient one dense tensor. Left as slices, every step of the optimizer
        # handles it row by row, which costs about 15 % of a training step.
        table = self.table * 1.0 if training else self.table
        return ops.reshape(ops.take(table, rows, axis=0), (-1, len(self._places) * self._dim))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """What `call` returns: [batch, chosen inputs · dim]."""
        return (input_shape[0], len(self._places) * self._dim)


def build(inputs: ModelInputs, training: Training, base_rate: float = 0.5, replicas: int = 1) -> keras.Model:
    """A model of the kind and size that the settings say.

    Args:
        inputs: Names the dense and indexed inputs.
        training: Kind, sizes, penalties, dropout, precision of the hidden layers.
        base_rate: The share of positives: where an untrained model starts.
        replicas: Over how many devices a batch is spread: they share its statistics, each drops its own.

    Returns:
        A model from [dense float32 [batch, d], indexed int32 [batch, c]] to logits [batch, 1].
    """
    dense = keras.Input((len(inputs.dense),), dtype="float32", name="dense")
    indexed = keras.Input((len(inputs.indexed),), dtype="int32", name="indexed")
    bias = keras.initializers.Constant(math.log(base_rate / (1 - base_rate)))
    parts = []
    if training.model in ("linear", "wide_deep"):
        parts += _wide(inputs, training, dense, indexed)
    if training.model in ("dnn", "wide_deep"):
        parts.append(_deep(inputs, training, dense, indexed, replicas))
    logit = keras.layers.Add(name="wide_and_deep")(parts) if len(parts) > 1 else parts[0]
    return keras.Model([dense, indexed], _Bias(bias, name="logit")(logit), name=training.model)


class _Bias(keras.layers.Layer):
    """Adds one learned number."""

    def __init__(self, initializer: keras.initializers.Initializer, name: str) -> None:
        super().__init__(name=name)
        self._initializer = initializer

    def build(self, _: Any) -> None:
        self.bias = self.add_weight(name="bias", shape=(1,), initializer=self._initializer)

    def call(self, logit: Any) -> Any:
        return logit + self.bias


def _wide(inputs: ModelInputs, training: Training, dense: Any, indexed: Any) -> list[Any]:
    """One weight for each dense input and one for each index of each indexed input, all zero at first."""
    parts = []
    if inputs.dense:
        layer = keras.layers.Dense(
            1,
            use_bias=False,
            kernel_initializer="zeros",
            kernel_regularizer=_penalty(training),
            name="wide_dense",
        )
        parts.append(layer(dense))
    if inputs.indexed:
        weights = Lookup(
            dict(enumerate(inputs.indexed.values())),
            1,
            initializer=keras.initializers.Zeros(),
            regularizer=_penalty(training),
            name="wide_indexed",
        )
        parts.append(ops.sum(weights(indexed), axis=1, keepdims=True))
    return parts


def _deep(inputs: ModelInputs, training: Training, dense: Any, indexed: Any, replicas: int) -> Any:
    """Dense inputs and embeddings through the hidden layers, in their precision, to one float32 number."""
    policy = _policy(training)
    parts = [dense] if inputs.dense else []
    parts += _embedded(inputs, training, indexed)
    joined = keras.layers.Concatenate(name="inputs", dtype=policy)
    hidden = joined(parts) if len(parts) > 1 else parts[0]
    for place, units in enumerate(training.hidden_units, start=1):
        hidden = keras.layers.Dense(
            units,
            use_bias=not training.batch_norm,
            kernel_initializer=keras.initializers.GlorotUniform(seed=training.seed + place),
            kernel_regularizer=_penalty(training),
            name=f"hidden_{place}",
            dtype=policy,
        )(hidden)
        if training.batch_norm:
            hidden = keras.layers.BatchNormalization(
                name=f"norm_{place}", dtype=policy, synchronized=replicas > 1
            )(hidden)
        hidden = keras.layers.ReLU(name=f"relu_{place}", dtype=policy)(hidden)
        if training.dropout:
            kind = ReplicaDropout if replicas > 1 else keras.layers.Dropout
            seed, name = training.seed + place, f"dropout_{place}"
            hidden = kind(training.dropout, seed=seed, name=name, dtype=policy)(hidden)
    return keras.layers.Dense(
        1,
        use_bias=False,
        kernel_initializer=keras.initializers.GlorotUniform(seed=training.seed),
        kernel_regularizer=_penalty(training),
        name="deep",
    )(hidden)


class ReplicaDropout(keras.layers.Layer):
    """Dropout that drops other units on each replica.

    Args:
        rate: The share that is dropped.
        seed: Of the first replica.
        name: Of the layer.
        dtype: Keras' policy.
    """

    def __init__(self, rate: float, *, seed: int, name: str, dtype: str) -> None:
        super().__init__(name=name, dtype=dtype)
        self._rate, self._seeds = rate, _ReplicaSeeds(seed)

    def call(self, inputs: Any, *, training: bool = False) -> Any:
        """Drop, while training."""
        return keras.random.dropout(inputs, self._rate, seed=self._seeds) if training else inputs


class _ReplicaSeeds(keras.random.SeedGenerator):
    """Other seeds on each replica, from a state that is the same on all: a checkpoint has it once."""

    def next(self, ordered: bool = True) -> Any:
        """The seed of the next random numbers, [2]."""
        seed = super().next(ordered)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return seed + tf.stack([tf.cast(replica * _SEEDS_APART, seed.dtype), tf.zeros((), seed.dtype)])


def _embedded(inputs: ModelInputs, training: Training, indexed: Any) -> list[Any]:
    """The embeddings, inputs of one dimension together in one table: [batch, inputs · dim] each."""
    groups: dict[int, dict[int, int]] = {}
    for place, cardinality in enumerate(inputs.indexed.values()):
        dim = training.embedding_dim or embedding_dim(cardinality)
        groups.setdefault(dim, {})[place] = cardinality
    return [
        Lookup(
            cardinalities,
            dim,
            initializer=keras.initializers.RandomUniform(-0.05, 0.05, seed=training.seed + dim),
            regularizer=_penalty(training),
            name=f"embedding_{dim}",
            dtype=_policy(training),
        )(indexed)
        for dim, cardinalities in sorted(groups.items())
    ]


def embedding_dim(cardinality: int) -> int:
    """2 · cardinality^¼, rounded up to a multiple of 4 so that inputs share tables, at most 32."""
    return 4 * min(8, math.ceil(math.pow(cardinality, 0.25) / 2))


def _policy(training: Training) -> str:
    """Keras' name of how the hidden layers compute."""
    return "float32" if training.mixed_precision == "none" else f"mixed_{training.mixed_precision}"


def _penalty(training: Training) -> keras.regularizers.Regularizer | None:
    if not training.l1 and not training.l2:
        return None
    return keras.regularizers.L1L2(l1=training.l1, l2=training.l2)
