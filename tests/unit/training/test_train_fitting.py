"""The loop: seeds, early stopping, divergence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from components.train.fitting import batch_size
from configs.errors import TrainingError
from configs.training import Training

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


@pytest.mark.parametrize("kind", ["linear", "dnn", "wide_deep"])
@pytest.mark.parametrize("pipeline", ["memory", "stream"])
def test_every_model_beats_chance_on_flights(trainer: Trainer, kind: str, pipeline: str) -> None:
    trained = trainer(model=kind, input_pipeline=pipeline, shuffle_rows=1000)
    assert trained.summary["eval_auc"] > 0.6
    assert trained.history["epochs"][-1]["loss"] < trained.history["epochs"][0]["loss"]


def test_the_same_seed_gives_the_same_bits(trainer: Trainer, trained: Trained) -> None:
    again = trainer.at(trained.folder.with_name("again"), trained.stage)
    assert figures(again.history) == figures(trained.history)
    assert all(np.array_equal(a, b) for a, b in zip(weights(again), weights(trained), strict=True))


def test_another_seed_gives_another_model(trainer: Trainer) -> None:
    assert figures(trainer(seed=1).history) != figures(trainer(seed=2).history)


def test_the_history_tells_every_epoch(trained: Trained) -> None:
    epochs = trained.history["epochs"]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3]
    assert set(epochs[0]) == {
        "epoch", "loss", "auc", "eval_loss", "eval_auc", "learning_rate", "seconds", "examples_per_second",
    }  # fmt: skip
    assert trained.history["stopped_early"] is False
    assert trained.history["resumed_from"] is None
    assert trained.summary["train_rows"] == 4000
    assert trained.summary["eval_rows"] == 1500
    best = epochs[trained.history["best_epoch"] - 1]
    assert best["eval_auc"] == max(epoch["eval_auc"] for epoch in epochs)
    assert trained.summary["eval_auc"] == pytest.approx(best["eval_auc"], abs=1e-6)


@pytest.mark.parametrize(
    ("rows", "size"), [(10, 64), (9_000, 64), (15_000, 128), (220_000, 2048), (10_000_000, 2048)]
)
def test_the_batch_follows_the_rows_unless_it_is_set(rows: int, size: int) -> None:
    class Rows:
        """As many examples as the case says."""

        positives = 1

        def __init__(self) -> None:
            self.rows = rows

        def batches(self, size: int, order: object = None) -> Any:
            """None."""

    assert batch_size(Rows(), Training()) == size
    assert batch_size(Rows(), Training(batch_size=7)) == 7


def test_progress_tells_the_epoch_and_its_examples(trained: Trained) -> None:
    assert trained.steps[0] == ("epoch 1 of 3, examples", 250, 4000)
    assert trained.steps[-1] == ("epoch 3 of 3, examples", 4000, 4000)
    assert len(trained.steps) == 3 * 16


def test_tensorboard_shows_both_splits(trained: Trained) -> None:
    shown = {
        split: {
            value.tag
            for file in (trained.log / "tensorboard" / split).glob("events*")
            for record in tf.data.TFRecordDataset(str(file))
            for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value
        }
        for split in ("train", "eval")
    }
    assert shown["train"] == {"epoch_loss", "epoch_auc", "epoch_learning_rate"}
    assert shown["eval"] == {"epoch_loss", "epoch_auc"}


def test_patience_stops_and_the_best_weights_are_exported(trainer: Trainer) -> None:
    trained = trainer(learning_rate=0.3, epochs=20, patience=2, schedule={"kind": "constant"})
    aucs = [epoch["eval_auc"] for epoch in trained.history["epochs"]]
    best = trained.history["best_epoch"]
    assert trained.history["stopped_early"] is True
    assert len(aucs) == best + 2 < 20
    assert aucs[best - 1] == max(aucs)
    only = trainer(
        learning_rate=0.3, epochs=20, patience=1, schedule={"kind": "constant"}
    )  # the same course, cut earlier
    assert figures(only.history) == figures(trained.history)[: len(only.history["epochs"])]


def test_without_patience_all_epochs_are_learned(trainer: Trainer) -> None:
    trained = trainer(learning_rate=0.3, epochs=8, patience=None, schedule={"kind": "constant"})
    assert len(trained.history["epochs"]) == 8
    assert trained.history["stopped_early"] is False


@pytest.mark.parametrize("clip", [None, 1e30])
def test_a_diverging_training_stops_and_says_what_to_lower(
    trainer: Trainer, tmp_path: Path, clip: float | None
) -> None:
    stage = trainer.stage(model="linear", optimizer="sgd", learning_rate=1e38, l2=1e3, clip_norm=clip)
    with pytest.raises(TrainingError) as raised:
        trainer.at(tmp_path, stage)
    message = str(raised.value)
    assert "in epoch 1" in message
    assert "expected a finite number, got" in message
    assert "Lower training.learning_rate (now 1e+38)" in message
    assert ("training.clip_norm" in message) is (clip is None)
    assert not (tmp_path / "model").exists()
    assert not (tmp_path / "log").exists()
