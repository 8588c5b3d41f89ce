"""What `gs://` costs: `python -m benchmarks.storage [--repeat 2] [--stage NAME …]`, about 10 minutes.

Every stage of flights (one epoch) reads and writes once below a folder and once below a bucket of the
storage emulator on loopback, each time in a process of its own. Expect the seconds of its work without
imports, the least of the repetitions, and their ratio, compared with the 1.10 required. By the
clock the emulator's own work is included (it parses 30 MB/s of uploads on the same processors); the
processor's seconds are the stage's alone. `register` is a mere copy of the model.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks._process import run_apart
from components.evaluate.settings import EvaluateStage
from components.ingest.settings import IngestStage
from components.shared.files.artifacts import write_json, writing
from components.shared.files.paths import local_copy, place
from components.shared.files.place import Place
from components.shared.files.storage import storage
from components.shared.stage.recording import silent
from components.train.settings import TrainStage
from components.transform.settings import TransformStage
from components.validate.settings import ValidateStage
from configs.loading import load
from configs.settings import Settings

Seconds = tuple[float, float]
"""By the clock, and of this process on the processors: the latter without the emulator's own work."""

REQUIRED = 1.10
BUCKET = "benchmark"
_EMULATOR = """
import socketserver, sys
socketserver.TCPServer.request_queue_size = 128  # by default a sixth connection waits for a second
from gcp_storage_emulator.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--stage", nargs="*", choices=STAGES, default=list(STAGES))
    parser.add_argument("--measure", choices=STAGES, help=argparse.SUPPRESS)
    parser.add_argument("--root", help=argparse.SUPPRESS)
    parser.add_argument("--warehouse", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, place(args.root), _settings(args.warehouse))))
        return
    with tempfile.TemporaryDirectory() as folder, emulator():
        show(compare(Path(folder), args.repeat, args.stage))


def compare(folder: Path, repeat: int, reported: list[str]) -> dict[str, tuple[Seconds, Seconds]]:
    """The least seconds of each stage below a folder and below a bucket."""
    from components.shared.sources.samples import seed

    warehouse = f"duckdb://{folder / 'warehouse.duckdb'}"
    seed(warehouse)
    found = {}
    for stage in STAGES:  # each reads what the ones before wrote
        times = repeat if stage in reported else 1
        seconds: tuple[list[Seconds], list[Seconds]] = ([], [])
        for _ in range(times):
            for some, root in zip(seconds, (str(folder / "local"), f"gs://{BUCKET}"), strict=True):
                options = "--measure", stage, "--root", root, "--warehouse", warehouse
                some.append(tuple(run_apart("storage", *options)))
        if stage in reported:
            found[stage] = (_least(seconds[0]), _least(seconds[1]))
    return found


def measure(stage: str, root: Place, settings: Settings) -> Seconds:
    """Seconds of one stage's work in this process, by the clock and of the processors."""
    work = STAGES[stage](root, settings)
    if storage(root).shared:
        _import_clients(root / "first")
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def _import_clients(anywhere: Place) -> None:
    """Write and read something, so that what is imported for it is there."""
    with writing(anywhere) as folder:
        write_json(folder / "nothing.json", {})
    with local_copy(anywhere):
        (anywhere / "nothing.json").read_bytes()


def _least(times: list[Seconds]) -> Seconds:
    clock, processor = zip(*times, strict=True)
    return min(clock), min(processor)


Work = Callable[[], object]


def _ingest(root: Place, settings: Settings) -> Work:
    from components.ingest import core

    return lambda: core.run(IngestStage.of(settings), root / "rows", silent)


def _validate(root: Place, settings: Settings) -> Work:
    from components.validate import core

    stage = ValidateStage.of(settings)
    return lambda: core.run(root / "rows", stage, None, root / "statistics", silent)


def _transform(root: Place, settings: Settings) -> Work:
    from components.transform import core

    stage = TransformStage.of(settings)
    return lambda: core.run(root / "rows", stage, root / "graph", root / "examples", silent)


def _train(root: Place, settings: Settings) -> Work:
    from components.train import core

    stage, read = TrainStage.of(settings), (root / "examples", root / "graph")
    return lambda: core.run(*read, stage, root / "model", root / "log", root / "checkpoints", silent)


def _train_from_a_stream(root: Place, settings: Settings) -> Work:
    streamed = settings.training.model_copy(update={"input_pipeline": "stream"})
    return _train(root, settings.model_copy(update={"training": streamed}))


def _evaluate(root: Place, settings: Settings) -> Work:
    from components.evaluate import core

    stage = EvaluateStage.of(settings)
    return lambda: core.run(root / "rows", root / "model", None, "", stage, root / "evaluation", silent)


def _register(root: Place, settings: Settings) -> Work:
    from components.shared.registry import Submission, open_registry

    submission = Submission(root / "model", root / "statistics", root / "evaluation")

    def work() -> None:
        with tempfile.TemporaryDirectory() as registry:
            open_registry(f"file://{registry}").register(settings.name, submission)

    return work


STAGES: dict[str, Callable[[Place, Settings], Work]] = {
    "ingest": _ingest,
    "validate": _validate,
    "transform": _transform,
    "train": _train,
    "train-stream": _train_from_a_stream,
    "evaluate": _evaluate,
    "register": _register,
}


def _settings(warehouse: str) -> Settings:
    return load("flights", overrides=[f"source.uri={warehouse}", "training.epochs=1"])


@contextmanager
def emulator() -> Iterator[None]:
    """The storage emulator in a process of its own, with an empty bucket; the clients find it."""
    from google.cloud import storage

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["start", "--host=127.0.0.1", f"--port={port}", "--in-memory", f"--default-bucket={BUCKET}"]
    with subprocess.Popen(
        [sys.executable, "-c", _EMULATOR, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.environ["STORAGE_EMULATOR_HOST"] = f"http://127.0.0.1:{port}"
        try:
            while process.poll() is None:
                with socket.socket() as knock:
                    if knock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            assert storage.Client(project="benchmark").bucket(BUCKET).exists()
            yield
        finally:
            process.terminate()


def show(found: dict[str, tuple[Seconds, Seconds]]) -> None:
    """Print the table."""
    headings = ("stage", "folder s", "gs:// s", "ratio", "processor s", "gs:// s", "ratio", "")
    table = Table(*headings, title=f"required: a ratio of at most {REQUIRED:.2f}")
    for stage, (here, there) in found.items():
        clock, processor = (b / a for a, b in zip(here, there, strict=True))
        figures = [f"{each:.2f}" for each in (here[0], there[0], clock, here[1], there[1], processor)]
        table.add_row(stage, *figures, "" if min(clock, processor) <= REQUIRED else "above")
    Console().print(table)


if __name__ == "__main__":
    main()
