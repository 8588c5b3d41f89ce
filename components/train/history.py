"""The training's log: history.json for the report, event files for TensorBoard."""

import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import tensorflow as tf

from components.shared.files.artifacts import write_json, writing_file
from components.shared.files.place import Place
from components.shared.files.storage import storage
from components.train.checkpoints import Epoch, State
from configs.training import Training

# What tf.summary.scalar writes; TensorFlow brings that only together with TensorBoard.
_SCALAR = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class="DATA_CLASS_SCALAR")
_TRAIN = {"epoch_loss": "loss", "epoch_auc": "auc", "epoch_learning_rate": "learning_rate"}
_EVAL = {"epoch_loss": "eval_loss", "epoch_auc": "eval_auc"}


class Board:
    """TensorBoard's view of a training, while it runs: the curves of `train` and `eval` over the epochs.

    Args:
        folder: Where the event files go; one set for each time the training was started.
        shown: Where a TensorBoard looks for them, here or on `gs://`; None: nowhere.
    """

    def __init__(self, folder: Path, shown: Place | None = None) -> None:
        self._folder, self._shown = folder, shown

    def __enter__(self) -> Self:
        """Open the event files."""
        self._writers = {
            name: tf.summary.create_file_writer(str(self._folder / name)) for name in ("train", "eval")
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        for writer in self._writers.values():
            writer.close()

    def add(self, epoch: Epoch) -> None:
        """Draw an epoch."""
        values: dict[str, object] = {**epoch}
        for name, curves in (("train", _TRAIN), ("eval", _EVAL)):
            with self._writers[name].as_default(step=epoch["epoch"]):
                for curve, key in curves.items():
                    tf.summary.write(curve, values[key], metadata=_SCALAR)
            self._writers[name].flush()
        if self._shown is not None:
            _copy(self._folder, self._shown)


def _copy(folder: Path, shown: Place) -> None:
    """Every file, each whole: a reader never sees a half."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        there = shown / file.relative_to(folder).as_posix()
        storage(there).make_folder(there.parent)
        with writing_file(there) as tmp:
            shutil.copyfile(file, tmp)


def write(state: State, training: Training, file: Path) -> None:
    """Write history.json."""
    content = {
        "epochs": state.epochs,
        "best_epoch": state.best_epoch,
        "stopped_early": state.stopped_early(training),
        "resumed_from": state.resumed_from,
    }
    write_json(file, content)
