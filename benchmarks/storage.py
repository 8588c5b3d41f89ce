"""What `gs://` costs: `python -m benchmarks.storage [--repeat 2] [--stage NAME …]`, about 10 minutes.

Every stage of flights (one epoch) reads and writes once below a folder and once below a bucket of the
storage emulator on loopback, each time in a process of its own. Expect the seconds of its work without
imports, the least of the repetitions, and their ratio, compared with the 1.10 required. By the
clock the emulator's own work is included (it parses 30 MB/s of uploads on the same processors); the
processor's seconds are the stage's alone. `register` is a mere copy of the model.
"""

import functools
import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import typer
from rich.console import Console
from rich.table import Table

from benchmarks._emulators import BUCKET, emulators
from benchmarks._harness import Cost, measure_apart
from components.evaluate.settings import EvaluateStage
from components.ingest.settings import IngestStage
from components.shared.files.artifacts import write_json, writing
from components.shared.files.paths import local_copy, place
from components.shared.files.place import Place
from components.shared.files.storage import storage
from components.shared.registry import Submission, open_registry
from components.shared.sources.samples import seed
from components.shared.stage.recording import silent
from components.train.settings import TrainStage
from components.transform.settings import TransformStage
from components.validate.settings import ValidateStage
from configs.loading import load
from configs.settings import Settings

REQUIRED = 1.10


def main(repeat: int = 2, stage: list[str] | None = None) -> None:
    """Measure and print."""
    unknown = set(stage or ()) - set(STAGES)
    if unknown:
        raise typer.BadParameter(f"no stage {', '.join(unknown)}: expected {', '.join(STAGES)}")
    with tempfile.TemporaryDirectory() as folder, emulators():
        Console().print(compare(Path(folder), repeat, stage or list(STAGES)))


def compare(folder: Path, repeat: int, reported: list[str]) -> Table:
    """The least seconds of each stage below a folder and below a bucket, as a table."""
    headings = ("stage", "folder s", "gs:// s", "ratio", "processor s", "gs:// s", "ratio", "")
    table = Table(*headings, title=f"required: a ratio of at most {REQUIRED:.2f}")
    warehouse = f"duckdb://{folder / 'warehouse.duckdb'}"
    seed(warehouse)
    settings = load("flights", overrides=[f"source.uri={warehouse}", "training.epochs=1"])
    for stage in STAGES:  # each reads what the ones before wrote
        costs: tuple[list[Cost], list[Cost]] = ([], [])
        for _ in range(repeat if stage in reported else 1):
            for some, root in zip(costs, (f"{folder / 'local'}", f"gs://{BUCKET}"), strict=True):
                some.append(_cost(stage, root, settings))
        if stage in reported:
            (here, processor_here), (there, processor_there) = map(_least, costs)
            ratios = there / here, processor_there / processor_here
            each = here, there, ratios[0], processor_here, processor_there, ratios[1]
            table.add_row(stage, *(f"{e:.2f}" for e in each), "" if min(ratios) <= REQUIRED else "above")
    return table


def _cost(stage: str, root: str, settings: Settings) -> Cost:
    module, work = STAGES[stage]
    return measure_apart(work, place(root), settings, before=functools.partial(_warm_up, module, root))[1]


def _warm_up(module: str, root: str) -> None:
    """Import what the stage does; write and read something, so that the clients for it are there, too."""
    importlib.import_module(module)
    anywhere = place(root) / "first"
    if storage(anywhere).shared:
        with writing(anywhere) as folder:
            write_json(folder / "nothing.json", {})
        with local_copy(anywhere):
            (anywhere / "nothing.json").read_bytes()


def _least(costs: list[Cost]) -> tuple[float, float]:
    """Seconds by the clock, and on the processors: the latter without the emulator's own work."""
    return min(cost.seconds for cost in costs), min(cost.processor for cost in costs)


def _ingest(root: Place, settings: Settings) -> None:
    from components.ingest import core

    core.run(IngestStage.of(settings), root / "rows", silent)


def _validate(root: Place, settings: Settings) -> None:
    from components.validate import core

    core.run(root / "rows", ValidateStage.of(settings), None, root / "statistics", silent)


def _transform(root: Place, settings: Settings) -> None:
    from components.transform import core

    core.run(root / "rows", TransformStage.of(settings), root / "graph", root / "examples", silent)


def _train(root: Place, settings: Settings, input_pipeline: Literal["memory", "stream"] = "memory") -> None:
    from components.train import core

    training = settings.training.model_copy(update={"input_pipeline": input_pipeline})
    stage = TrainStage.of(settings.model_copy(update={"training": training}))
    inputs, outputs = (
        (root / "examples", root / "graph"),
        (root / "model", root / "log", root / "checkpoints"),
    )
    core.run(*inputs, stage, *outputs, silent)


def _evaluate(root: Place, settings: Settings) -> None:
    from components.evaluate import core

    core.run(root / "rows", root / "model", None, "", EvaluateStage.of(settings), root / "evaluation", silent)


def _register(root: Place, settings: Settings) -> None:
    submission = Submission(root / "model", root / "statistics", root / "evaluation")
    with tempfile.TemporaryDirectory() as registry:
        open_registry(f"file://{registry}").register(settings.name, submission)


STAGES: dict[str, tuple[str, Callable[[Place, Settings], None]]] = {
    "ingest": ("components.ingest.core", _ingest),
    "validate": ("components.validate.core", _validate),
    "transform": ("components.transform.core", _transform),
    "train": ("components.train.core", _train),
    "train-stream": ("components.train.core", functools.partial(_train, input_pipeline="stream")),
    "evaluate": ("components.evaluate.core", _evaluate),
    "register": ("components.shared.registry", _register),
}
"""By name: the module that does the work, and the work."""


if __name__ == "__main__":
    typer.run(main)
