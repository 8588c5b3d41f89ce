"""The real server with a model of plain NumPy: starts at once, and waits or fails on demand.

Same command line as `components.serve`; scores as saved_model.py does. A model folder may have two FIFOs:
`loading` (the model is loaded when the FIFO is written to and closed) and `gate` (so is the batch scored
that holds a row with origin WAIT). A row with origin FAIL makes scoring fail.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

from components.serve.__main__ import start
from components.serve.batching import Scores
from components.serve.instances import Columns
from components.shared.files.place import Place
from components.shared.registry.model_file import read_features
from configs.errors import ModelError


class FakeModel:
    """A model that is only arithmetic."""

    def __init__(self, folder: Path) -> None:
        self.features = read_features(folder)
        self.seconds = {"load": 0.0}
        self._gate = folder / "gate"
        self._shift = json.loads((folder / "model.json").read_text())["shift"]

    def scores(self, columns: Columns) -> Scores:
        """One score for each row."""
        carrier, origin = columns.categorical[:2]
        if "WAIT" in origin:
            self._gate.read_bytes()
        if "FAIL" in origin:
            raise FloatingPointError
        known = np.nan_to_num(columns.numeric)
        index = np.array([{"AA": 0, "B6": 1, "UA": 2}.get(name, 3) for name in carrier])
        logit = self._shift + known[0] / 1000 + 0.5 * index + 0.25 * known[1] / 100
        return np.asarray(1 / (1 + np.exp(-logit)), dtype=np.float32)


def load(there: Place) -> FakeModel:
    """Wait for the FIFO `loading`, if there is one."""
    folder = Path(str(there))
    if (folder / "broken").exists():
        raise ModelError(str(folder), expected="a model", got="a broken one")
    if (folder / "loading").exists():
        (folder / "loading").read_bytes()
    return FakeModel(folder)


if __name__ == "__main__":
    start(sys.argv[1:], os.environ, load)
