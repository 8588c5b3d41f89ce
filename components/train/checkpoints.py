"""Checkpoints: all that a killed training needs to go on as if nothing had happened."""

import io
import json
import logging
import shutil
import uuid
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, TypedDict

import keras
import numpy as np
from numpy.typing import NDArray

from components.shared.files.paths import is_remote
from configs.training import Training

_log = logging.getLogger(__name__)


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
        """Keep an epoch, and its weights if the eval AUC is the best so far."""
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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "checkpoint.npz"
        self._bucket = _bucket(folder) if is_remote(folder) else None
        self.board: Path = self._bucket.board if self._bucket else folder / "tensorboard"
        """Where the event files go: a folder of this machine that is kept with the checkpoint."""

    def save(self, variables: Sequence[keras.Variable], state: State) -> None:
        """Keep the variables and the state.

        Raises:
            BusyError: On `gs://`, another training of the same examples and settings kept its own.
        """
        told = {name: value for name, value in asdict(state).items() if name != "best"}
        arrays = {f"variable_{place}": variable.numpy() for place, variable in enumerate(variables)}
        arrays |= {f"best_{place}": array for place, array in enumerate(state.best)}
        if self._bucket:
            content = io.BytesIO()
            np.savez(content, state=np.array(json.dumps(told)), **arrays)
            self._bucket.save(content.getvalue())
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_name(f".{uuid.uuid4().hex[:8]}.npz")
        try:
            with beside.open("wb") as file:
                np.savez(file, state=np.array(json.dumps(told)), **arrays)
            beside.replace(self._file)
        finally:
            beside.unlink(missing_ok=True)

    def load(self, variables: Sequence[keras.Variable]) -> State:
        """Put the variables back and return the state; a new state if there is no usable checkpoint."""
        content = self._kept()
        if content is None:
            return State()
        try:
            with content as file, np.load(file, allow_pickle=False) as kept:
                told = json.loads(str(kept["state"]))
                values = [kept[f"variable_{place}"] for place in range(len(variables))]
                best = [kept[name] for name in kept.files if name.startswith("best_")]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _log.warning("checkpoint %s cannot be read (%s): training starts anew", self._file, error)
            return State()
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return State(**told | {"resumed_from": len(told["epochs"])}, best=best)

    def remove(self) -> None:
        """Forget this training."""
        if self._bucket:
            self._bucket.remove()
            return
        shutil.rmtree(self.folder, ignore_errors=True)

    def _kept(self) -> IO[bytes] | None:
        if not self._bucket:
            return self._file.open("rb") if self._file.exists() else None
        content = self._bucket.load()
        return None if content is None else io.BytesIO(content)


def _bucket(folder: Path) -> Any:
    from components.train.bucket import Bucket

    return Bucket(folder)
