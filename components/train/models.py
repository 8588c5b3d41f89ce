"""The models: `linear`, `dnn` and `wide_deep`, functional Keras models from matrices to a logit."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from components.train.features import ModelInputs
from configs.settings import Training


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
    """

    def __init__(
        self,
        cardinalities: Mapping[int, int],
        dim: int,
        *,
        initializer: keras.initializers.Initializer,
        regularizer: keras.regularizers.Regularizer | None,
        name: str,
    ) -> None:
        super().__init__(name=name)
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


def build(inputs: ModelInputs, training: Training, base_rate: float = 0.5) -> keras.Model:
    """A model of the kind and size that the settings say.

    Args:
        inputs: Names the dense and indexed inputs.
        training: Kind, sizes, penalties, dropout.
        base_rate: The share of positives: where an untrained model starts.

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
        parts.append(_deep(inputs, training, dense, indexed))
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


def _deep(inputs: ModelInputs, training: Training, dense: Any, indexed: Any) -> Any:
    """Dense inputs and embeddings through the hidden layers to one number."""
    parts = [dense] if inputs.dense else []
    parts += _embedded(inputs, training, indexed)
    hidden = keras.layers.Concatenate(name="inputs")(parts) if len(parts) > 1 else parts[0]
    for place, units in enumerate(training.hidden_units, start=1):
        hidden = keras.layers.Dense(
            units,
            use_bias=not training.batch_norm,
            kernel_initializer=keras.initializers.GlorotUniform(seed=training.seed + place),
            kernel_regularizer=_penalty(training),
            name=f"hidden_{place}",
        )(hidden)
        if training.batch_norm:
            hidden = keras.layers.BatchNormalization(name=f"norm_{place}")(hidden)
        hidden = keras.layers.ReLU(name=f"relu_{place}")(hidden)
        if training.dropout:
            hidden = keras.layers.Dropout(
                training.dropout, seed=training.seed + place, name=f"dropout_{place}"
            )(hidden)
    return keras.layers.Dense(
        1,
        use_bias=False,
        kernel_initializer=keras.initializers.GlorotUniform(seed=training.seed),
        kernel_regularizer=_penalty(training),
        name="deep",
    )(hidden)


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
        )(indexed)
        for dim, cardinalities in sorted(groups.items())
    ]


def embedding_dim(cardinality: int) -> int:
    """2 · cardinality^¼, rounded up to a multiple of 4 so that inputs share tables, at most 32."""
    return 4 * min(8, math.ceil(math.pow(cardinality, 0.25) / 2))


def _penalty(training: Training) -> keras.regularizers.Regularizer | None:
    if not training.l1 and not training.l2:
        return None
    return keras.regularizers.L1L2(l1=training.l1, l2=training.l2)
