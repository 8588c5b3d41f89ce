"""Going on after a kill, to the same bits."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.train import core

Trainer = Any
Trained = Any
"""Those of conftest.py."""


def figures(history: dict[str, Any]) -> list[dict[str, Any]]:
    """The epochs without what depends on the machine."""
    return [
        {name: value for name, value in epoch.items() if "second" not in name} for epoch in history["epochs"]
    ]


def weights(trained: Trained) -> list[Any]:
    return [variable.numpy() for variable in tf.saved_model.load(str(trained.model)).weights]


KILLED = """
import os, signal, sys
from pathlib import Path
from components.train import core
from components.train.settings import TrainStage

def progress(what, done, total=None):
    if what.startswith("epoch 3") and done > 2000:
        os.kill(os.getpid(), signal.SIGKILL)

examples, graph, folder = map(Path, sys.argv[1:4])
stage = TrainStage.model_validate_json(sys.argv[4])
core.run(examples, graph, stage, folder / "model", folder / "log", folder / "checkpoints", progress)
"""


def test_a_killed_training_goes_on_to_the_same_bits(trainer: Trainer, tmp_path: Path) -> None:
    stage = trainer.stage(
        epochs=5, dropout=0.3, batch_norm=True, patience=3, input_pipeline="stream", shuffle_rows=1000
    )
    whole = trainer.at(tmp_path / "whole", stage)
    folder = tmp_path / "killed"
    arguments = [str(trainer.examples), str(trainer.transform_graph), str(folder), stage.model_dump_json()]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]
    assert not (folder / "model").exists()
    resumed = trainer.at(folder, stage)
    assert resumed.history["resumed_from"] == 2
    assert resumed.steps[0][0] == "epoch 3 of 5, examples"
    assert figures(resumed.history) == figures(whole.history)
    assert resumed.history["best_epoch"] == whole.history["best_epoch"]
    assert all(np.array_equal(a, b) for a, b in zip(weights(resumed), weights(whole), strict=True))
    assert list((folder / "checkpoints").iterdir()) == []


class StopError(Exception):
    """Raised in the middle of a training."""


def stopping(at: str) -> Any:
    def progress(what: str, _: int, __: int | None = None) -> None:
        if what.startswith(at):
            raise StopError

    return progress


def test_other_settings_do_not_continue_a_training(trainer: Trainer, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        trainer.at(tmp_path, trainer.stage(epochs=3), stopping("epoch 2"))
    assert trainer.at(tmp_path, trainer.stage(epochs=3, l2=0.1)).history["resumed_from"] is None
    assert trainer.at(tmp_path, trainer.stage(epochs=3)).history["resumed_from"] == 1


def test_a_damaged_checkpoint_is_not_used(trainer: Trainer, tmp_path: Path) -> None:
    stage = trainer.stage(epochs=2)
    with pytest.raises(StopError):
        trainer.at(tmp_path, stage, stopping("epoch 2"))
    (checkpoint,) = (tmp_path / "checkpoints").glob("*/checkpoint.npz")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-500])
    assert trainer.at(tmp_path, stage).history["resumed_from"] is None


def test_what_was_learned_survives_a_failed_export(trainer: Trainer, tmp_path: Path) -> None:
    stage = trainer.stage()
    (tmp_path / "model").write_text("a file where the folder should be")
    with pytest.raises(NotADirectoryError):
        trainer.at(tmp_path, stage)
    assert not (tmp_path / "log").exists()
    (tmp_path / "model").unlink()
    resumed = trainer.at(tmp_path, stage)
    assert resumed.history["resumed_from"] == 2
    assert resumed.steps == []


def test_the_key_covers_examples_graph_and_settings(trainer: Trainer, tmp_path: Path) -> None:
    stage = trainer.stage()
    key = core.key(trainer.examples, trainer.transform_graph, stage)
    assert key == core.key(trainer.examples, trainer.transform_graph, stage)
    examples, graph = tmp_path / "examples", tmp_path / "graph"
    shutil.copytree(trainer.examples, examples)
    shutil.copytree(trainer.transform_graph, graph)
    assert core.key(examples, graph, stage) == key
    (examples / "examples.json").write_text(json.dumps({"splits": {}}))
    (graph / "features.json").write_text((graph / "features.json").read_text() + "\n")
    keys = {
        core.key(examples, trainer.transform_graph, stage),
        core.key(trainer.examples, graph, stage),
        core.key(trainer.examples, trainer.transform_graph, trainer.stage(seed=3)),
    }
    assert len(keys | {key}) == 4
