"""Scores of a SavedModel through its exported signature: raw columns in, probabilities out."""

from typing import Any

import numpy as np
import pyarrow as pa
import tensorflow as tf
from numpy.typing import NDArray

from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.rows.raw import check_columns, raw_tensors
from configs.errors import DataError, ModelError
from configs.features import Features

Floats = NDArray[np.float64]
SIGNATURE = "serving_default"
OUTPUT = "score"


class Scorer:
    """A model that scores rows.

    Args:
        folder: A SavedModel with the signature `serving_default`: one float32 or string tensor
            [batch] for each raw feature, and the output `score`, float32 [batch] or [batch, 1].
        title: What to call it in messages.

    Raises:
        ModelError: The folder cannot be loaded, or the signature is not there or another.
    """

    def __init__(self, folder: Place, title: str) -> None:
        self.folder, self.title = folder, title
        self._signature = self._load()
        _, inputs = self._signature.structured_input_signature
        self.features = self._declare(inputs)
        """The raw columns it wants, as its signature declares them."""
        if OUTPUT not in self._signature.structured_outputs:
            raise self._model_error(
                f"an output '{OUTPUT}' of '{SIGNATURE}'", _list_names(self._signature.structured_outputs)
            )

    def check(self, schema: pa.Schema) -> None:
        """Make sure that the rows have what the model wants.

        Raises:
            ModelError: A raw feature of the model is not among the columns, or of another kind.
        """
        try:
            check_columns(schema, self.features)
        except DataError as error:
            raise ModelError(
                f"{self.title} was trained on other rows: {error.subject}",
                expected=error.expected,
                got=error.got,
                remedy="Return them from the query as long as this model is used; or, if it is the "
                "champion, roll back to a version that knows these rows.",
            ) from error

    def scores(self, batch: pa.RecordBatch) -> Floats:
        """The scores of rows that passed `check`, [rows].

        Raises:
            ModelError: A score is NaN or no probability, or there is not one for each row.
        """
        columns = raw_tensors(batch, self.features)
        found = self._signature(**{name: tf.constant(values) for name, values in columns.items()})[OUTPUT]
        scores: Floats = found.numpy().astype(np.float64).reshape(-1)
        if len(scores) != batch.num_rows:
            raise self._model_error(f"one score for each of {batch.num_rows} rows", f"shape {found.shape}")
        wrong = ~((scores >= 0.0) & (scores <= 1.0))  # NaN is neither
        if wrong.any():
            raise self._model_error(
                "scores between 0 and 1", f"{scores[wrong][0]} and {wrong.sum() - 1} more of {len(scores)}"
            )
        return scores

    def _load(self) -> Any:
        try:
            with local_copy(self.folder) as folder:
                self._model = tf.saved_model.load(str(folder))  # a reference: its variables live in it
        except (OSError, ValueError, tf.errors.OpError) as error:
            reason = str(error).splitlines()[0]
            raise self._model_error("a SavedModel that can be loaded", f"{self.folder}: {reason}") from error
        if SIGNATURE not in self._model.signatures:
            raise self._model_error(f"a signature '{SIGNATURE}'", _list_names(self._model.signatures))
        return self._model.signatures[SIGNATURE]

    def _declare(self, inputs: dict[str, tf.TensorSpec]) -> Features:
        for name, spec in inputs.items():
            if spec.dtype not in (tf.float32, tf.string):
                raise self._model_error(
                    "raw columns as float32 or string", f"input '{name}' as {spec.dtype.name}"
                )
        return Features.raw(
            (name for name, spec in inputs.items() if spec.dtype == tf.float32),
            (name for name, spec in inputs.items() if spec.dtype == tf.string),
        )

    def _model_error(self, expected: str, got: str) -> ModelError:
        remedy = "Train again; if it is the champion, promote another version."
        return ModelError(self.title, expected=expected, got=got, remedy=remedy)


def _list_names(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"
