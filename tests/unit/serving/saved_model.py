"""Makes a small SavedModel of the form that `train` exports: `python saved_model.py FOLDER SHIFT`.

score = sigmoid(shift + distance / 1000 + 0.5 · index of the carrier + 0.25 · seats / 100); a missing
number counts as 0, an unknown carrier has index 3. Tests compute the same in Python.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

NUMERIC, CATEGORICAL = ("distance", "seats"), ("carrier", "origin")


class Flights(tf.Module):
    """Raw columns to a score."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        rows = tf.lookup.KeyValueTensorInitializer(["AA", "B6", "UA"], tf.range(3, dtype=tf.int64))
        self.carriers = tf.lookup.StaticHashTable(rows, 3)
        self.shift = tf.Variable(shift)

    @tf.function  # type: ignore[untyped-decorator]
    def raw(self, distance: Any, seats: Any, carrier: Any, origin: Any) -> dict[str, Any]:
        """[batch] each."""
        known = [tf.where(tf.math.is_nan(number), 0.0, number) for number in (distance, seats)]
        index = tf.cast(self.carriers.lookup(carrier), tf.float32)
        logit = self.shift + known[0] / 1000 + 0.5 * index + 0.25 * known[1] / 100
        return {"score": tf.sigmoid(logit + 0.0 * tf.cast(tf.strings.length(origin), tf.float32))}


def write(folder: Path, shift: float) -> None:
    """Export the model and its description."""
    module = Flights(shift)
    columns = {name: tf.TensorSpec([None], tf.float32, name=name) for name in NUMERIC}
    columns |= {name: tf.TensorSpec([None], tf.string, name=name) for name in CATEGORICAL}
    signatures = {"serving_default": module.raw.get_concrete_function(**columns)}
    tf.saved_model.save(module, str(folder), signatures=signatures)
    features = {"numeric": NUMERIC, "categorical": CATEGORICAL}
    (folder / "model.json").write_text(
        json.dumps({"name": "flights", "label": "late", "kind": "linear", "features": features})
    )


if __name__ == "__main__":
    write(Path(sys.argv[1]), float(sys.argv[2]))
