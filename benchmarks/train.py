"""What the input pipeline costs a training: `python -m benchmarks.train [--epochs 5]`, about 1 minute.

The model of flights learns the same examples four ways: batches that lie ready, never shuffled (no input
pipeline at all), tensors in memory shuffled and cut by `tf.data`, `input_pipeline: memory`, and
`input_pipeline: stream`. One process, an epoch of each in turn, so that a machine that slows down slows
them alike; the fastest epoch of each is compared. Required: ours within 15 % of the tensors in memory.
Then each input pipeline alone, without a model.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import typer
from rich.console import Console
from rich.table import Table

from benchmarks._harness import newest
from components.train import models
from components.train.examples import Examples, Memory, Stream
from components.train.fitting import batch_size
from components.train.learner import Learner
from components.train.shards import Shards, read_inputs
from configs.loading import load
from configs.training import Training

REQUIRED = 1.15
"""Seconds of an epoch against those on tensors in memory."""
Batches = Callable[[int], Iterable[Sequence[Any]]]
"""The batches of an epoch, by its number."""


def main(epochs: int = 5) -> None:
    """Measure and print."""
    settings = load("flights")
    inputs = read_inputs(newest("transform_graph"), settings.label.column)
    shards = Shards(newest("examples"), "train", inputs)
    size = batch_size(Memory(shards), settings.training)
    ways = _ways(shards, settings.training, size)
    keras.utils.set_random_seed(settings.training.seed)
    learner = Learner(models.build(inputs, settings.training), settings.training, steps=10_000)
    learning = _in_turn(ways, epochs, lambda batch: learner.step(*batch))
    alone = _in_turn(ways, epochs, lambda _: None)
    show(shards.rows, size, learning, alone)


def _ways(shards: Shards, training: Training, size: int) -> dict[str, Batches]:
    memory = Memory(shards)
    ready = [tuple(tf.constant(part) for part in batch) for batch in memory.batches(size)]

    def epochs_of(examples: Examples) -> Batches:
        return lambda epoch: examples.batches(size, np.random.default_rng([training.seed, epoch]))

    return {
        "ready batches": lambda _: ready,
        "tf.data": _tf_data(shards, size),
        "memory": epochs_of(memory),
        "stream": epochs_of(Stream(shards, training.shuffle_rows)),
    }


def _tf_data(shards: Shards, size: int) -> Batches:
    """The quickest way known in tf.data: a shuffled index, cut into batches, whole batches gathered."""
    tensors = [tf.constant(part) for part in shards.read()]

    def epoch(number: int) -> Iterable[Sequence[Any]]:
        index = tf.constant(np.random.default_rng(number).permutation(shards.rows))
        batches = tf.data.Dataset.from_tensor_slices(index).batch(size)
        gathered = batches.map(lambda rows: tuple(tf.gather(part, rows) for part in tensors))
        return gathered.prefetch(2)  # type: ignore[no-any-return]  # tf has no types

    return epoch


def _in_turn(
    ways: Mapping[str, Batches], epochs: int, use: Callable[[Sequence[Any]], Any]
) -> dict[str, list[float]]:
    """Seconds of each epoch; one more epoch goes first and is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for epoch in range(epochs + 1):
        for name, batches in ways.items():
            began = time.perf_counter()
            for batch in batches(epoch):
                use(batch)
            if epoch:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def show(
    rows: int, size: int, learning: Mapping[str, Sequence[float]], alone: Mapping[str, Sequence[float]]
) -> None:
    """Examples a second of each way, and its seconds against those on tensors."""
    title = f"train, {rows:,} examples in batches of {size:,}"
    table = Table("", "epoch s", "examples/s", "against tf.data", "alone, examples/s", title=title)
    on_tensors = min(learning["tf.data"])
    for name, seconds in learning.items():
        best = min(seconds)
        required = f" (required {REQUIRED})" if name in ("memory", "stream") else ""
        input_alone = "" if name == "ready batches" else f"{rows / min(alone[name]):,.0f}"
        table.add_row(
            name, f"{best:.2f}", f"{rows / best:,.0f}", f"{best / on_tensors:.2f}{required}", input_alone
        )
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
