"""The model as it is served: one SavedModel from raw columns to a score, the transform graph inside."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from components.shared.files.artifacts import write_json
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.train.shards import ModelInputs
from configs.errors import TrainingError


class Scorer(tf.Module):
    """Raw columns to scores.

    Args:
        transform: The loaded transform graph.
        model: From [dense, indexed] to logits [batch, 1].
        inputs: Which columns enter, and in which order their transforms enter the model.
    """

    def __init__(self, transform: Any, model: keras.Model, inputs: ModelInputs) -> None:
        super().__init__()
        self._inputs, self._apply = inputs, model
        self.transform = transform
        self.weights = [weight.value for weight in model.weights]

    def score(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The probability of the label for each row.

        Args:
            raw: [batch] of each raw column: float32 (missing: NaN) or string (missing: "").
        """
        made = self.transform.transform_fn(dict(raw))
        rows = tf.size(next(iter(raw.values())))
        dense = _matrix([made[name] for name in self._inputs.dense], rows, tf.float32)
        indexed = _matrix([made[name] for name in self._inputs.indexed], rows, tf.int32)
        logits = self._apply([dense, indexed], training=False)
        return {"score": tf.sigmoid(logits[:, 0])}

    def score_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """The same for serialized tf.Example, string [batch].

        A feature that an example lacks is missing. Numbers are float lists (an int64 list is rejected by
        the parser), strings are bytes lists; each holds one value.
        """
        numbers = dict.fromkeys(self._inputs.numeric, tf.io.FixedLenFeature([], tf.float32, float("nan")))
        strings = dict.fromkeys(self._inputs.categorical, tf.io.FixedLenFeature([], tf.string, ""))
        return self.score(tf.io.parse_example(examples, numbers | strings))


def save(model: keras.Model, transform_graph: Place, inputs: ModelInputs, name: str, folder: Place) -> None:
    """Write the SavedModel and its model.json into the folder.

    Raises:
        TrainingError: The folder holds no transform graph, or one with other inputs or outputs.
    """
    raw = {column: tf.TensorSpec((None,), tf.float32, column) for column in inputs.numeric}
    raw |= {column: tf.TensorSpec((None,), tf.string, column) for column in inputs.categorical}
    examples = tf.TensorSpec((None,), tf.string, "examples")
    with local_copy(transform_graph) as graph:  # its vocabularies are read again while they are saved
        try:  # without importing tensorflow_transform (4 s): a plain SavedModel
            transform = tf.saved_model.load(str(graph / "transform_fn"))
        except OSError as error:
            raise _wrong_graph(graph, "a transform graph (transform_fn/)", str(error)) from error
        scorer = Scorer(transform, model, inputs)
        score, score_examples = (
            tf.function(each, autograph=False) for each in (scorer.score, scorer.score_examples)
        )
        try:
            signatures = {
                "serving_default": score.get_concrete_function(raw),
                "tf_example": score_examples.get_concrete_function(examples),
            }
        except (KeyError, TypeError, ValueError) as error:
            expected = "a graph with the inputs and outputs of its features.json"
            got = f"{type(error).__name__}: {error}"
            raise _wrong_graph(transform_graph, expected, got) from error
        tf.saved_model.save(scorer, str(folder), signatures)
    write_json(folder / "model.json", describe(model, inputs, name))


def _wrong_graph(graph: Place, expected: str, got: str) -> TrainingError:
    remedy = "Run the pipeline again with --from transform."
    return TrainingError(str(graph), expected=expected, got=got.splitlines()[0], remedy=remedy)


def describe(model: keras.Model, inputs: ModelInputs, name: str) -> dict[str, Any]:
    """What model.json says."""
    return {
        "name": name,
        "label": inputs.label,
        "kind": model.name,
        "features": {"numeric": list(inputs.numeric), "categorical": list(inputs.categorical)},
        "parameters": parameters(model),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }


def parameters(model: keras.Model) -> int:
    """How many numbers were learned."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _matrix(columns: list[tf.Tensor], rows: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Columns of shape [batch] as [batch, columns], also where there is none."""
    if not columns:
        return tf.zeros((rows, 0), dtype)
    return tf.cast(tf.stack(columns, axis=1), dtype)
