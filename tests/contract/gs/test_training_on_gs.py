"""A training on `gs://` that is killed, or meets another one."""

from typing import Any

import pytest

from components.shared.files.artifacts import read_json
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs_path import BucketPath
from components.shared.files.place import Place
from configs.errors import BusyError
from tests.contract.gs.conftest import TRAIN, Chain, Chains


class StopError(Exception):
    """Raised in the middle of a training."""


def stop_in_epoch_2(what: str, _: int, __: int | None = None) -> None:
    if what.startswith("epoch 2"):
        raise StopError


def learn(chain: Chain, checkpoints: Place, out: Place, progress: Any) -> Any:
    from components.train import core

    read = chain.at("examples", "transform"), chain.at("transform_graph", "transform")
    core.run(*read, TRAIN, out / "model", out / "log", checkpoints, progress)
    return read_json(out / "log" / "history.json")


def test_a_killed_training_goes_on_from_its_checkpoint_on_gs(chains: Chains, bucket: BucketPath) -> None:
    from components.shared.stage.recording import silent

    checkpoints = bucket / "checkpoints"
    with pytest.raises(StopError):
        learn(chains[1], checkpoints, bucket / "out", stop_in_epoch_2)
    assert any(name.endswith("checkpoint.npz") for name in gcs_reading.objects(str(checkpoints)))
    history = learn(chains[1], checkpoints, bucket / "out", silent)
    whole = read_json(chains[0].at("training_log", "train") / "history.json")
    assert history["resumed_from"] == 1
    assert [each["eval_loss"] for each in history["epochs"]] == [
        each["eval_loss"] for each in whole["epochs"]
    ]
    events = [
        name
        for name in gcs_reading.objects(str(bucket / "out" / "log"))
        if name.startswith("tensorboard/train/")
    ]
    assert len(events) == 2  # of both attempts
    assert gcs_reading.objects(str(checkpoints)) == {}


def test_of_two_trainings_with_one_key_the_late_one_is_reported(chains: Chains, bucket: BucketPath) -> None:
    from components.shared.stage.recording import silent

    checkpoints = bucket / "checkpoints"
    done: list[str] = []

    def meanwhile(what: str, _: int, __: int | None = None) -> None:
        if what.startswith("epoch 1") and not done:
            done.append(what)
            with pytest.raises(StopError):
                learn(chains[1], checkpoints, bucket / "second", stop_in_epoch_2)

    with pytest.raises(BusyError, match=r"checkpoint\.npz: expected to be its only writer"):
        learn(chains[1], checkpoints, bucket / "first", meanwhile)
    assert learn(chains[1], checkpoints, bucket / "second", silent)["resumed_from"] == 1
