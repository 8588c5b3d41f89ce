"""Training: examples in, a SavedModel and its log out."""

import hashlib
import shutil
from pathlib import Path

import keras
import tensorflow as tf

from components.shared.files.artifacts import Summary, digest, shards, writing
from components.shared.files.paths import map_places
from components.shared.files.place import Place
from components.shared.stage.recording import Progress
from components.train import examples as data
from components.train import export, models
from components.train.checkpoints import Checkpoints, State, write_history
from components.train.devices import Devices, precision
from components.train.fitting import Splits, fit
from components.train.settings import TrainStage
from components.train.shards import ModelInputs, read_inputs
from configs.training import Training


def run(  # noqa: PLR0913, PLR0917 - the stage's inputs, settings and outputs
    examples: Place,
    transform_graph: Place,
    stage: TrainStage,
    model_out: Place,
    log_out: Place,
    checkpoints: Place,
    progress: Progress,
    devices: Devices | None = None,
    shown: Place | None = None,
) -> Summary:
    """Train a model and export it with its transform graph; of several hosts only the chief writes.

    Args:
        examples: The transformed splits `train` and `eval`.
        transform_graph: The graph that made them, with features.json.
        stage: The model and how it learns.
        model_out: Becomes the SavedModel.
        log_out: Becomes history.json and tensorboard/.
        checkpoints: A folder that outlives the run: a killed training goes on from there.
        progress: Called with every batch.
        devices: What it trains on, chosen before TensorFlow computes anything; None: one device.
        shown: Where a TensorBoard looks for the curves while they grow; None: nowhere.

    Returns:
        Counts, and the eval metrics of the exported weights.

    Raises:
        TrainingError: The inputs do not fit each other, the loss is not finite, or a host was lost.
        LabelError: A split with one class only.
        EmptySplitError: A split without examples.
    """
    devices = devices or Devices()
    stage = stage.model_copy(update={"training": precision(stage.training)})
    training = stage.training
    inputs = read_inputs(transform_graph, stage.label.column)
    splits = Splits(
        train=data.load(examples, "train", inputs, training),
        eval=data.load(examples, "eval", inputs, training),
    )
    saved = Checkpoints(checkpoints / key(examples, transform_graph, stage))
    keras.utils.set_random_seed(training.seed)
    with devices.watched():
        with devices.strategy.scope():
            share = splits.train.positives / splits.train.rows
            start = 0.5 if training.class_weight == "balanced" else share
            model = models.build(inputs, training, start, devices.replicas)
        state = fit(model, splits, training, saved, progress, devices, shown)
        if devices.chief:
            with writing(log_out) as log_folder, writing(model_out) as model_folder:
                served = _served(model, inputs, training)
                export.save(served, transform_graph, inputs, stage.name, model_folder)
                write_history(state, training, log_folder / "history.json")
                shutil.copytree(saved.board, log_folder / "tensorboard")
        devices.meet()
    if devices.chief:
        saved.remove()
    return _summary(splits, model, state)


def _served(model: keras.Model, inputs: ModelInputs, training: Training) -> keras.Model:
    """The model as it is exported: float32, for one device, however it was trained."""
    served = models.build(inputs, training.model_copy(update={"mixed_precision": "none"}))
    for weight, learned in zip(served.weights, model.weights, strict=True):
        weight.assign(learned.numpy())
    return served


def key(examples: Place, transform_graph: Place, stage: TrainStage) -> str:
    """What decides how a training goes: examples, graph, settings, our code, the libraries' versions.

    Examples are identified by their counts and their shards' names and sizes: reading them all again
    would cost more than it tells, since other examples come with another transform graph.
    """
    total = hashlib.blake2b(digest_size=16)
    total.update((examples / "examples.json").read_bytes())
    every = [*shards(examples, "train"), *shards(examples, "eval")]
    for shard, size in zip(every, map_places(lambda shard: shard.stat().st_size, every), strict=True):
        total.update(f"{shard.name} {size}".encode())
    total.update(digest(transform_graph).encode())
    total.update(stage.model_dump_json().encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        total.update(source.read_bytes())
    total.update(f"{tf.__version__} {keras.__version__}".encode())
    return total.hexdigest()


def _summary(splits: Splits, model: keras.Model, state: State) -> Summary:
    best = state.epochs[state.best_epoch - 1]
    seconds = sum(epoch["seconds"] for epoch in state.epochs)
    return {
        "train_rows": splits.train.rows,
        "eval_rows": splits.eval.rows,
        "parameters": export.parameters(model),
        "epochs": len(state.epochs),
        "best_epoch": state.best_epoch,
        "eval_auc": round(best["eval_auc"], 6),
        "eval_loss": round(best["eval_loss"], 6),
        "examples_per_second": round(splits.train.rows * len(state.epochs) / seconds),
    }
