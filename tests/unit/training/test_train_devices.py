"""Several devices of one host: three CPUs that are one take their shares, in a process of their own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.train.cluster import Cluster
from components.train.devices import Devices, precision, strategy
from configs.training import Training

Trainer = Any
Trained = Any
"""Those of conftest.py."""

EXACT: dict[str, Any] = {
    "batch_size": 250,  # 84, 83 and 83 examples a device
    "batch_norm": True,
    "l2": 1e-3,
    "clip_norm": 0.05,
    "class_weight": "balanced",
    "optimizer": "sgd",  # Adam would hide a wrong scale of the gradients
    "learning_rate": 1.0,
    "epochs": 3,
}
"""All that goes over the whole batch; dropout alone cannot be the same."""
COMPILED: dict[str, Any] = {"xla": True, "optimizer": "adamw", "batch_size": 2000}

MIRRORED = """
import json, sys
from pathlib import Path
import numpy as np
import tensorflow as tf
from components.shared.stage.recording import silent
from components.train import core
from components.train.devices import Devices
from components.train.models import ReplicaDropout
from configs.errors import TrainingError
from components.train.settings import TrainStage

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
devices = Devices(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1", "CPU:2"]))
examples, graph, out = map(Path, sys.argv[1:4])
results = {}
for name, settings in json.loads(sys.argv[4]).items():
    stage, folder = TrainStage.model_validate(settings), out / name
    try:
        core.run(examples, graph, stage, folder / "model", folder / "log", folder / "kept", silent, devices)
    except TrainingError as error:
        results[name] = str(error)

with devices.strategy.scope():
    dropout = ReplicaDropout(0.5, seed=3, name="dropout", dtype="float32")
drop = tf.function(lambda: devices.strategy.run(lambda: dropout(tf.ones((64,)), training=True)))
local = devices.strategy.experimental_local_results
results["dropped"] = [part.numpy().tolist() for _ in "12" for part in local(drop())]
results["rows"] = [int(tf.size(part)) for part in local(devices.shares(np.arange(2))[0])]
(out / "results.json").write_text(json.dumps(results))
"""


class Mirrored:
    """What the process with three devices left behind."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.results: dict[str, Any] = json.loads((folder / "results.json").read_text())

    def history(self, name: str) -> dict[str, Any]:
        """The log of one of the trainings."""
        content: dict[str, Any] = json.loads((self._folder / name / "log" / "history.json").read_text())
        return content

    def weights(self, name: str) -> list[Any]:
        """The exported weights of one of the trainings."""
        return [weight.numpy() for weight in tf.saved_model.load(str(self._folder / name / "model")).weights]


@pytest.fixture(scope="module")
def mirrored(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Mirrored:
    folder = tmp_path_factory.mktemp("mirrored")
    stages = {
        "exact": EXACT,
        "float16": {
            "mixed_precision": "float16",
            "dropout": 0.2,
            "clip_norm": 1.0,
            "input_pipeline": "stream",
        },
        "compiled": COMPILED,
        "compiled-norm": {"xla": True, "batch_norm": True},
    }
    configs = {name: trainer.stage(**knobs).model_dump(mode="json") for name, knobs in stages.items()}
    places = [str(trainer.examples), str(trainer.transform_graph), str(folder)]
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED, *places, json.dumps(configs)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return Mirrored(folder)


def check_same(one: Trained, history: dict[str, Any], weights: list[Any]) -> None:
    """Two trainings agree, but for the order of float32 sums."""
    assert history["best_epoch"] == one.history["best_epoch"]
    figures = ("loss", "auc", "eval_loss", "eval_auc")
    for ours, theirs in zip(history["epochs"], one.history["epochs"], strict=True):
        assert [ours[name] for name in figures] == pytest.approx([theirs[name] for name in figures], abs=1e-5)
    for ours, theirs in zip(weights, tf.saved_model.load(str(one.model)).weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_three_devices_learn_what_one_learns_from_the_same_batches(
    mirrored: Mirrored, trainer: Trainer
) -> None:
    check_same(trainer(**EXACT), mirrored.history("exact"), mirrored.weights("exact"))


def test_compiled_devices_learn_what_one_learns_that_is_not(mirrored: Mirrored, trainer: Trainer) -> None:
    plain = trainer(**COMPILED | {"xla": False})
    check_same(plain, mirrored.history("compiled"), mirrored.weights("compiled"))


def test_compiled_devices_reject_statistics_of_the_whole_batch(mirrored: Mirrored) -> None:
    assert mirrored.results["compiled-norm"].startswith("training.xla on 3 devices: expected a model without")


def test_scaled_float16_learns_on_several_devices(mirrored: Mirrored) -> None:
    epochs = mirrored.history("float16")["epochs"]
    assert epochs[-1]["loss"] < epochs[0]["loss"]
    assert epochs[-1]["eval_auc"] > 0.6
    assert {weight.dtype for weight in mirrored.weights("float16")} == {np.dtype("float32")}


def test_every_device_drops_other_units_at_every_step(mirrored: Mirrored) -> None:
    masks = mirrored.results["dropped"]
    assert len(masks) == len({tuple(mask) for mask in masks}) == 6


def test_a_batch_may_have_fewer_rows_than_there_are_devices(mirrored: Mirrored) -> None:
    assert mirrored.results["rows"] == [0, 1, 1]


def test_a_process_with_one_cpu_trains_without_a_strategy() -> None:
    assert strategy(Cluster()) is None
    alone = Devices()
    assert (alone.replicas, alone.chief) == (1, True)
    values = np.arange(3, dtype=np.float32)
    assert alone.gathered(values) is values


def test_mixed_precision_is_chosen_by_the_device() -> None:
    assert precision(Training(mixed_precision="auto")).mixed_precision == "none"  # there is only a CPU
    training = Training(mixed_precision="float16")
    assert precision(training) is training
