"""Several hosts: two processes over loopback, configured by TF_CONFIG as Vertex AI does, learn one model."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.shared.files.artifacts import read_json
from components.train import component

Trainer = Any
Trained = Any
"""Those of conftest.py."""

KNOBS = {
    "batch_size": 251,
    "batch_norm": True,
    "clip_norm": 0.5,
    "l2": 1e-4,
    "dropout": 0.0,
    "epochs": 4,
    "input_pipeline": "stream",
    "shuffle_rows": 1000,
}

KILLED = """
import os, signal, sys
from pathlib import Path
from components.train import core
from components.train.cluster import cluster
from components.train.devices import Devices, strategy
from components.train.settings import TrainStage

hosts = cluster(os.environ)

def progress(what, done, total=None):
    if hosts.chief and what.startswith("epoch 3") and done > 2000:
        os.kill(os.getpid(), signal.SIGKILL)

examples, graph, folder, checkpoints = map(Path, sys.argv[1:5])
stage = TrainStage.model_validate_json(sys.argv[5])
together = Devices(strategy(hosts), hosts)
core.run(examples, graph, stage, folder / "model", folder / "log", checkpoints, progress, together)
"""


def environments() -> list[dict[str, str]]:
    """What Vertex AI tells the chief and the worker: TF_CONFIG for TensorFlow, CLUSTER_SPEC for KFP."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in "12"]
    chief, worker = (f"127.0.0.1:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    variables = []
    for task, pool in (("chief", "workerpool0"), ("worker", "workerpool1")):
        cluster = {"cluster": {"chief": [chief], "worker": [worker]}, "task": {"type": task, "index": 0}}
        pools = {
            "cluster": {"workerpool0": [chief], "workerpool1": [worker]},
            "task": {"type": pool, "index": 0},
        }
        variables.append({"TF_CONFIG": json.dumps(cluster), "CLUSTER_SPEC": json.dumps(pools)})
    return variables


def together(commands: list[list[str]]) -> list[tuple[int, str]]:
    """Run a command on each host at once: exit codes and what was said on stderr."""
    running = [
        subprocess.Popen(
            command, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for command, variables in zip(commands, environments(), strict=True)
    ]
    try:
        said = [process.communicate(timeout=180)[1].decode() for process in running]
    finally:
        for process in running:
            process.kill()
    return [(process.returncode, text) for process, text in zip(running, said, strict=True)]


def executor_input(trainer: Trainer, settings: str, checkpoints: Path, out: Path) -> str:
    """What KFP tells the component's executor."""

    def artifact(name: str, kind: str, place: Path) -> dict[str, Any]:
        return {"artifacts": [{"name": name, "type": {"schemaTitle": f"system.{kind}"}, "uri": str(place)}]}

    content = {
        "inputs": {
            "parameterValues": {"settings": settings, "code": "", "checkpoints": str(checkpoints)},
            "artifacts": {
                "examples": artifact("examples", "Dataset", trainer.examples),
                "transform_graph": artifact("transform_graph", "Artifact", trainer.transform_graph),
            },
        },
        "outputs": {
            "artifacts": {
                "model": artifact("model", "Model", out / "model"),
                "training_log": artifact("training_log", "Artifact", out / "training_log"),
            },
            "outputFile": str(out / "executor_output.json"),
        },
    }
    return json.dumps(content)


class Hosts:
    """What was seen of two hosts, the chief killed in the third epoch, then both started again."""

    def __init__(self, trainer: Trainer, folder: Path) -> None:
        self.folder, self.checkpoints = folder, folder / "checkpoints"
        settings = trainer.stage(**KNOBS).model_dump_json()
        places = [str(trainer.examples), str(trainer.transform_graph)]
        self.killed = together([
            [sys.executable, "-c", KILLED, *places, str(folder / host), str(self.checkpoints), settings]
            for host in ("chief", "worker")
        ])  # fmt: skip
        self.left = sorted(path.name for path in self.checkpoints.glob("*/*"))
        executor = [
            sys.executable,
            "-m",
            "kfp.dsl.executor_main",
            "--component_module_path",
            component.__file__,
        ]
        self.finished = together([
            [*executor, "--function_to_execute", "train", "--executor_input",
             executor_input(trainer, settings, self.checkpoints, folder / host)]
            for host in ("chief", "worker")
        ])  # fmt: skip

    def files(self, host: str) -> set[str]:
        """What this host wrote."""
        place = self.folder / host
        return {path.relative_to(place).parts[0] for path in place.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def hosts(trainer: Trainer, tmp_path_factory: pytest.TempPathFactory) -> Hosts:
    return Hosts(trainer, tmp_path_factory.mktemp("hosts"))


def test_a_lost_host_ends_the_others_with_the_remedy(hosts: Hosts) -> None:
    (chief, _), (worker, said) = hosts.killed
    assert chief == -signal.SIGKILL
    assert worker == 1
    assert "TrainingError: the training's hosts: expected all 2 to answer" in said
    assert "Start all of them again: they go on from the last checkpoint" in said
    assert "checkpoint.npz" in hosts.left


def test_started_again_two_hosts_end_as_one_process_that_was_never_killed(
    hosts: Hosts, trainer: Trainer
) -> None:
    assert [code for code, _ in hosts.finished] == [0, 0], hosts.finished[0][1][-3000:]
    one = trainer(**KNOBS)
    history = read_json(hosts.folder / "chief" / "training_log" / "history.json")
    assert history["resumed_from"] == 2
    assert history["best_epoch"] == one.history["best_epoch"]
    for ours, theirs in zip(history["epochs"], one.history["epochs"], strict=True):
        for figure in ("loss", "auc", "eval_loss", "eval_auc"):
            assert ours[figure] == pytest.approx(theirs[figure], abs=1e-5)
    weights = [
        tf.saved_model.load(str(each)).weights for each in (hosts.folder / "chief" / "model", one.model)
    ]
    for ours, theirs in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_only_the_chief_writes(hosts: Hosts) -> None:
    assert hosts.files("chief") == {"model", "training_log", "train.stage.json", "executor_output.json"}
    assert hosts.files("worker") == set()
    assert list(hosts.checkpoints.iterdir()) == []
    output = read_json(hosts.folder / "chief" / "executor_output.json")
    assert output["artifacts"]["model"]["artifacts"][0]["metadata"]["train_rows"] == 4000
