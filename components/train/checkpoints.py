"""What a training leaves while it runs: checkpoints, from which a killed one goes on, and its curves."""

import contextlib
import io
import json
import logging
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypedDict

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from components.shared.files.artifacts import write_json, writing_file
from components.shared.files.place import Place
from components.shared.files.storage import storage
from configs.training import Training

_log = logging.getLogger(__name__)

# What tf.summary.scalar writes; TensorFlow brings that only together with TensorBoard.
_SCALAR = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class="DATA_CLASS_SCALAR")
_CURVES = {
    "train": {"epoch_loss": "loss", "epoch_auc": "auc", "epoch_learning_rate": "learning_rate"},
    "eval": {"epoch_loss": "eval_loss", "epoch_auc": "eval_auc"},
}


class Epoch(TypedDict):
    """One pass over the training split, and how good the model was after it."""

    epoch: int
    loss: float
    """Mean log loss of the training examples as they were learned, without weights and penalties."""
    auc: float
    eval_loss: float
    eval_auc: float
    learning_rate: float
    seconds: float
    examples_per_second: float


@dataclass
class State:
    """How far a training is."""

    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    resumed_from: int | None = None
    best: list[NDArray[np.float32]] = field(default_factory=list)
    """The model's weights after the best epoch."""

    def add(self, epoch: Epoch, weights: list[NDArray[np.float32]]) -> None:
        """Add an epoch, and its weights if the eval AUC is the best so far."""
        if not self.epochs or epoch["eval_auc"] > self.epochs[self.best_epoch - 1]["eval_auc"]:
            self.best_epoch, self.best = epoch["epoch"], weights
        self.epochs.append(epoch)

    def stopped_early(self, training: Training) -> bool:
        """Whether patience ended before the epochs did."""
        if training.patience is None or len(self.epochs) >= training.epochs:
            return False
        return len(self.epochs) - self.best_epoch >= training.patience

    def finished(self, training: Training) -> bool:
        """Whether there is nothing more to learn."""
        return len(self.epochs) >= training.epochs or self.stopped_early(training)


class Checkpoints:
    """The checkpoint of one training: one file, replaced in one step after each epoch.

    Shuffling follows from the seed and the number of the epoch, dropout from seed variables of the
    model: with the variables, nothing else is needed to continue exactly.
    """

    def __init__(self, folder: Place) -> None:
        self.folder = folder
        self._file = storage(folder).owned(folder / "checkpoint.npz")
        self._events = storage(folder).mirrored(folder / "tensorboard")
        self.board = self._events.path
        """Where the event files go: a folder of this machine, copied with every checkpoint."""

    def save(self, variables: Sequence[keras.Variable], state: State) -> None:
        """Write the variables and the state.

        Raises:
            BusyError: On `gs://`, another training of the same examples and settings wrote its own.
        """
        progress = {name: value for name, value in asdict(state).items() if name != "best"}
        arrays = {f"variable_{place}": variable.numpy() for place, variable in enumerate(variables)}
        arrays |= {f"best_{place}": array for place, array in enumerate(state.best)}
        content = io.BytesIO()
        np.savez(content, state=np.array(json.dumps(progress)), **arrays)
        self._file.write(content.getvalue())
        self._events.push()

    def load(self, variables: Sequence[keras.Variable]) -> State:
        """Put the variables back and return the state; a new state if there is no usable checkpoint."""
        content = self._file.read()
        if content is None:
            return State()
        self._events.pull()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as saved:
                progress = json.loads(str(saved["state"]))
                values = [saved[f"variable_{place}"] for place in range(len(variables))]
                best = [saved[name] for name in saved.files if name.startswith("best_")]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("checkpoint in %s cannot be read (%s): training starts anew", self.folder, error)
            return State()
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return State(**progress | {"resumed_from": len(progress["epochs"])}, best=best)

    def remove(self) -> None:
        """Remove the checkpoint of this training."""
        storage(self.folder).clear(self.folder)
        self._events.remove()


@contextlib.contextmanager
def open_board(folder: Path, shown: Place | None) -> Iterator[Callable[[Epoch], None]]:
    """TensorBoard's view of a training, while it runs: the curves of `train` and `eval`, an epoch a call.

    Args:
        folder: Where the event files go; one set for each time the training was started.
        shown: Where a TensorBoard looks for them, here or on `gs://`; None: nowhere.
    """
    with contextlib.ExitStack() as files:
        writers = {name: tf.summary.create_file_writer(str(folder / name)) for name in _CURVES}
        for writer in writers.values():
            files.callback(writer.close)

        def draw(epoch: Epoch) -> None:
            values: dict[str, object] = {**epoch}
            for name, curves in _CURVES.items():
                with writers[name].as_default(step=epoch["epoch"]):
                    for curve, key in curves.items():
                        tf.summary.write(curve, values[key], metadata=_SCALAR)
                writers[name].flush()
            if shown is not None:
                _copy(folder, shown)

        yield draw


def _copy(folder: Path, shown: Place) -> None:
    """Every file, each whole: a reader never sees a half."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        there = shown / file.relative_to(folder).as_posix()
        storage(there).make_folder(there.parent)
        with writing_file(there) as tmp:
            shutil.copyfile(file, tmp)


def write_history(state: State, training: Training, file: Path) -> None:
    """Write history.json, for the report."""
    content = {
        "epochs": state.epochs,
        "best_epoch": state.best_epoch,
        "stopped_early": state.stopped_early(training),
        "resumed_from": state.resumed_from,
    }
    write_json(file, content)
