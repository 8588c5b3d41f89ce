"""Our whole run against TFX's own pipeline, on the same rows: `python -m benchmarks.tfx`, about 10 minutes.

Needs Python 3.10 on the PATH (or --python), which TFX 1.16 wants; the peer's environment is made once in
.venv-tfx (1.9 GB). The rows are those of our own run of flights: the peer gets them as tf.Example files,
already joined and split (writing them is not counted against it), and ingests, describes, validates,
transforms, trains, evaluates by the same slices and pushes. Expect wall and processor seconds of both,
their ratios, and the test AUC of both models.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
import typer
from rich.console import Console
from rich.table import Table
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from benchmarks._harness import Cost, run_command, run_flights
from components.shared.files.artifacts import read_json, shards
from components.shared.rows.raw import raw_batch
from components.shared.stage.records import artifact_path
from configs.loading import load
from configs.rows import SPLITS
from configs.settings import Settings

HERE = Path(__file__).parent
ENVIRONMENT = Path(".venv-tfx")
OURS = Path("output/against-tfx")


def main(
    python: Annotated[str, typer.Option(help="To make the peer's environment with.")] = "python3.10",
) -> None:
    """Run both and print."""
    peer = _environment(python)
    settings = load("flights")
    shutil.rmtree(OURS, ignore_errors=True)
    manifest, cost = run_flights(OURS)  # from the tables to the served model, nothing cached
    rows, evaluation = artifact_path(manifest, "rows"), artifact_path(manifest, "evaluation")
    assert rows, "the run has made no rows"
    assert evaluation, "the run has made no evaluation"
    auc = read_json(evaluation / "metrics.json")["candidate"]["overall"]["auc"]
    with tempfile.TemporaryDirectory() as folder:
        write_examples(Path(str(rows)), settings, Path(folder) / "examples")
        their_cost, their_auc = run_peer(peer, settings, Path(folder))
    show(cost, auc, their_cost, their_auc)


def _environment(python: str) -> Path:
    """The interpreter of the peer's environment, made where it is not there yet."""
    interpreter = ENVIRONMENT / "bin" / "python"
    if not interpreter.exists():
        if shutil.which(python) is None:
            sys.exit(f"{python}: expected Python 3.10 on the PATH. Name one: --python PATH")
        requirements = str(HERE / "requirements.txt")
        subprocess.run([python, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    return interpreter.absolute()


def write_examples(rows: Path, settings: Settings, out: Path) -> None:
    """The rows as files of tf.Example, a missing value left out."""
    for split in SPLITS:
        (out / split).mkdir(parents=True)
        for shard in shards(rows, split):
            with tf.io.TFRecordWriter(str(out / split / shard.stem)) as writer:
                for batch in pq.ParquetFile(shard).iter_batches(10_000):
                    for example in _examples(batch, settings):
                        writer.write(example)


def _examples(batch: pa.RecordBatch, settings: Settings) -> list[bytes]:
    raw = raw_batch(batch, settings.features)
    columns: dict[str, Any] = {}
    for name in settings.features.columns:
        values = raw.column(name)
        missing = values.is_null(nan_is_null=True)
        columns[name] = _lists(pa.array(values.to_pylist(), values.type, mask=missing.to_numpy(False)))
    sliced = {column for columns_ in settings.evaluation.slices for column in columns_}
    for name in (settings.label.column, *sorted(sliced - columns.keys())):
        columns[name] = _lists(batch.column(name))
    encoded: list[bytes] = RecordBatchToExamplesEncoder(None).encode(pa.RecordBatch.from_pydict(columns))
    return encoded


def _lists(values: "pa.Array[Any]") -> Any:
    """Each value as a list of one, a missing one as no list."""
    kind = pa.binary() if pa.types.is_string(values.type) else values.type
    return pa.array(
        [None if value is None else [value] for value in values.cast(kind).to_pylist()], pa.list_(kind)
    )


def run_peer(interpreter: Path, settings: Settings, folder: Path) -> tuple[Cost, float]:
    """TFX's run: its cost and its test AUC."""
    features, training = settings.features, settings.training
    request = {
        "features": {
            "numeric": list(features.numeric),
            "categorical": list(features.categorical),
            "crosses": {name: cross.model_dump() for name, cross in features.crosses.items()},
            "label": settings.label.column,
        },
        "training": {
            "hidden_units": training.hidden_units,
            "dropout": training.dropout,
            "learning_rate": training.learning_rate,
            "epochs": training.epochs,
            "batch_size": 2048,
        },
        "slices": settings.evaluation.slices,
    }
    (folder / "settings.json").write_text(json.dumps(request))
    settings_file = str(folder / "settings.json")
    command = [str(interpreter), str(HERE / "peer.py"), str(folder / "examples"), str(folder), settings_file]
    printed, cost = run_command(command)
    return cost, float(json.loads(printed.splitlines()[-1])["auc"])


def show(cost: Cost, auc: float, their_cost: Cost, their_auc: float) -> None:
    """Both, and the ratios."""
    table = Table("", "wall s", "processor s", "test AUC", title="the rows of flights, to a pushed model")
    for name, each, its_auc in (
        ("TFX 1.16, from the rows on", their_cost, their_auc),
        ("this pipeline, from the tables on", cost, auc),
    ):
        table.add_row(name, f"{each.seconds:.1f}", f"{each.processor:.1f}", f"{its_auc:.4f}")
    console = Console()
    console.print(table)
    wall, processor = their_cost.seconds / cost.seconds, their_cost.processor / cost.processor
    console.print(f"{wall:.1f} times as fast on the wall, {processor:.1f} times in processor time")


if __name__ == "__main__":
    typer.run(main)
