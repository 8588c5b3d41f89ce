"""Scoring in batches: `python -m benchmarks.predict [--use-case flights]`, about 4 minutes.

Scores every row of the use case, then ten times as many, each in a process of its own on Beam's local runner,
as `predict` does. Expect the rows a second after start-up (held against 50,000, two cores), the fixed
costs (imports, Beam, the model), and the peak memory of either, which must not grow with the rows. Then
the same rows by other ways to call the signature from Beam: docs/adr/0010. Needs a champion in output/.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from components.shared.files.artifacts import shard_path, shards

ASKED = 50_000
"""Rows a second."""
TIMES = 10
FEW = 20_000
"""Rows whose time is nearly all start-up."""
DAYS = 400
"""All of the public data."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--use-case", default="flights")
    parser.add_argument("--way", choices=("predict", "run-inference", "a-row-each"), help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.way:
        print(json.dumps(measured(told.way, told.use_case, told.rows)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = rows_to_score(told.use_case, folder / "one")
        sizes = {
            f"{FEW:,} rows": cut(one, folder / "few"),
            "all rows": one,
            f"{TIMES} times": repeated(one, folder / "ten"),
        }
        scored = {title: apart("predict", told.use_case, rows) for title, rows in sizes.items()}
        others = {way: apart(way, told.use_case, one) for way in ("run-inference", "a-row-each")}
        called = {"predict, written": scored["all rows"], **others}
    show(scored, called)


def rows_to_score(use_case: str, out: Path) -> Path:
    """What `select` makes of the whole source."""
    from components.select import core
    from components.select.settings import SelectStage
    from components.shared.stage.recording import silent
    from configs.loading import load

    settings = load(use_case)
    if "days" in settings.prediction.parameters:
        settings = load(use_case, overrides=[f"prediction.parameters.days={DAYS}"])
    core.run(SelectStage.of(settings), champion(settings)[1], out, silent)
    return out


def champion(settings: Any) -> tuple[Path, Any]:
    """The champion's SavedModel and its raw features; without one, the process ends and says so."""
    from components.shared.files.artifacts import read_json
    from components.shared.registry import open_registry
    from components.shared.rows.raw import declared

    found = open_registry(settings.places.registry).champion(settings.name)
    if found is None:
        sys.exit(f"no champion: python -m pipelines run {settings.name}")
    return found.model, declared(**read_json(found.model / "model.json")["features"])


def cut(rows: Path, out: Path) -> Path:
    """The first rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    head = next(pq.ParquetFile(shards(rows, "score")[0]).iter_batches(FEW))
    pq.write_table(pa.Table.from_batches([head]), shard_path(out, "score", 0))
    return out


def repeated(rows: Path, out: Path) -> Path:
    """The same rows again and again."""
    for index, shard in enumerate(shards(rows, "score") * TIMES):
        shutil.copyfile(shard, shard_path(out, "score", index))
    return out


def apart(way: str, use_case: str, rows: Path) -> dict[str, float]:
    """One measurement in a process of its own, the imports in it."""
    command = [sys.executable, "-m", "benchmarks.predict", "--way", way, "--rows", str(rows)]
    began = time.perf_counter()
    done = subprocess.run([*command, "--use-case", use_case], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "wall": time.perf_counter() - began}


def measured(way: str, use_case: str, rows: Path) -> dict[str, float]:
    """Rows, seconds and peak memory of scoring."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from components.predict import core
    from components.predict.scored import Stamp
    from components.predict.settings import PredictStage
    from components.shared.rows.row_ranges import plan_ranges
    from components.shared.stage.recording import silent
    from configs.loading import load

    settings = load(use_case)
    stage, model = PredictStage.of(settings), champion(settings)[0]
    began = time.perf_counter()
    if way == "predict":
        stamp = Stamp.of(stage.name, "1", "2013-12-31T00:00:00+00:00", "benchmark")
        with tempfile.TemporaryDirectory() as out:
            number = int(core.run(rows, model, stamp, stage, Path(out) / "predictions", silent)["rows"])
    else:
        number = by_run_inference(
            plan_ranges(rows, "score", stage.shard_rows), model, stage, rowwise=way != "run-inference"
        )
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": number, "seconds": seconds, "peak": peak}


def by_run_inference(every: Sequence[Any], model: Path, stage: Any, *, rowwise: bool) -> int:
    """The same scores through Beam's RunInference, of Arrow batches or of rows; nothing is written."""
    import apache_beam as beam
    import pyarrow as pa
    from apache_beam.ml.inference.base import ModelHandler, PredictionResult, RunInference

    from components.shared.beam.options import pipeline_options
    from components.shared.beam.running import distribute
    from components.shared.rows.row_ranges import batches
    from components.shared.rows.scoring import Scorer

    class Handler(ModelHandler[Any, Any, Any]):  # type: ignore[misc] # Beam's classes have no types
        """A SavedModel with raw columns."""

        def load_model(self) -> Scorer:
            return Scorer(model, "the champion")

        def run_inference(
            self, batch: Sequence[Any], model: Scorer, inference_args: Any = None
        ) -> Iterator[Any]:
            del inference_args
            if rowwise:
                scores = model.scores(pa.RecordBatch.from_pylist(list(batch), schema=schema))
                yield from (PredictionResult(row, score) for row, score in zip(batch, scores, strict=True))
                return
            for part in batch:
                yield PredictionResult(part, model.scores(part))

        def batch_elements_kwargs(self) -> dict[str, int]:
            size = stage.batch_rows if rowwise else 1
            return {"min_batch_size": size, "max_batch_size": size}

    features = Scorer(model, "the champion").features
    schema = next(batches(every[0], features.columns, 1)).schema
    pipeline = beam.Pipeline(options=pipeline_options(stage.beam))
    read = distribute(pipeline, every) | "Read" >> beam.FlatMap(batches, features.columns, stage.batch_rows)
    if rowwise:
        read |= "Rows" >> beam.FlatMap(lambda batch: batch.to_pylist())
    _ = read | RunInference(Handler())
    pipeline.run().wait_until_finish()
    return sum(piece.rows for piece in every)


def show(scored: dict[str, dict[str, float]], called: dict[str, dict[str, float]]) -> None:
    """The figures, and how they stand against what is asked."""
    console = Console()
    table = Table("", "rows", "seconds", "of the process", "peak MiB", title="predict")
    for title, found in scored.items():
        table.add_row(title, *_row(found))
    console.print(table)
    few, one, ten = scored.values()
    rate = (ten["rows"] - one["rows"]) / (ten["seconds"] - one["seconds"])
    fixed = few["seconds"] - few["rows"] / rate
    console.print(f"after start-up {rate:,.0f} rows/s: {rate / ASKED:.2f} times the {ASKED:,} asked for")
    console.print(f"fixed costs {fixed:.1f} s, and {few['wall'] - few['seconds']:.1f} s of imports")
    console.print(f"memory of {TIMES} times the rows: {ten['peak'] / one['peak']:.2f} times")
    table = Table("", "rows", "seconds", "of the process", "peak MiB", title="ways to call the signature")
    for way, found in called.items():
        table.add_row(way, *_row(found))
    console.print(table)


def _row(found: dict[str, float]) -> list[str]:
    return [
        f"{found['rows']:,.0f}", f"{found['seconds']:.2f}", f"{found['wall']:.2f}", f"{found['peak']:,.0f}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
