"""Scoring in batches: `python -m benchmarks.predict [--use-case flights]`, about 4 minutes.

Scores every row of the use case, then ten times as many, each in a process of its own on Beam's local runner,
as `predict` does. Expect the rows a second after start-up (compared with 50,000, two cores), the fixed
costs (imports, Beam, the model), and the peak memory of either, which must not grow with the rows. Then
the same rows by other ways to call the signature from Beam (docs/adr/0010), and by Beam's own sinks
(docs/adr/0013). Needs a champion in output/.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks._process import peak_mib, run_apart
from components.shared.files.artifacts import shard_path, shards

REQUIRED = 50_000
"""Rows a second."""
TIMES = 10
FEW = 20_000
"""Rows whose time is nearly all start-up."""
DAYS = 400
"""All of the public data."""
SINKS = ("WriteToFiles", "WriteToParquetBatched")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--use-case", default="flights")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measured(args.way, args.use_case, args.rows)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = rows_to_score(args.use_case, folder / "one")
        sizes = {
            f"{FEW:,} rows": cut(one, folder / "few"),
            "all rows": one,
            f"{TIMES} times": repeated(one, folder / "ten"),
        }
        scored = {title: apart("predict", args.use_case, rows) for title, rows in sizes.items()}
        ways = ("run-inference", "a-row-each", *SINKS)
        others = {way: apart(way, args.use_case, sizes["all rows"]) for way in ways}
        ten = {f"{way}, {TIMES} times": apart(way, args.use_case, sizes[f"{TIMES} times"]) for way in SINKS}
        called = {"predict, written": scored["all rows"], **others, **ten}
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
    from configs.features import Features

    found = open_registry(settings.places.registry).champion(settings.name)
    if found is None:
        sys.exit(f"no champion: python -m pipelines run {settings.name}")
    return Path(str(found.model)), Features.raw(**read_json(found.model / "model.json")["features"])


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
    began = time.perf_counter()
    found = run_apart("predict", "--way", way, "--rows", str(rows), "--use-case", use_case)
    return {**found, "wall": time.perf_counter() - began}


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
    stamp = Stamp.of(stage.name, "1", "2013-12-31T00:00:00+00:00", "benchmark")
    began, files = time.perf_counter(), 0
    if way == "predict":
        with tempfile.TemporaryDirectory() as out:
            number = int(core.run(rows, model, stamp, stage, Path(out) / "predictions", silent)["rows"])
            files = len(shards(Path(out) / "predictions", "score"))
    elif way in SINKS:
        with tempfile.TemporaryDirectory() as out:
            write = core._WritePredictions(stage, model, stamp, Path(out))  # noqa: SLF001 - the same predictions
            number = by_sink(way, plan_ranges(rows, "score", stage.shard_rows), write)
            files = len(list(Path(out).rglob("part*")))
    else:
        number = by_run_inference(
            plan_ranges(rows, "score", stage.shard_rows), model, stage, rowwise=way != "run-inference"
        )
    seconds = time.perf_counter() - began
    return {"rows": number, "seconds": seconds, "peak": peak_mib(), "files": files}


def by_sink(way: str, ranges: Sequence[Any], write: Any) -> int:
    """The predictions of a `WriteShard`, written by one of Beam's sinks."""
    import apache_beam as beam
    import pyarrow as pa
    import pyarrow.parquet as pq
    from apache_beam.io.fileio import FileSink, WriteToFiles

    from components.predict import scored
    from components.shared.beam.options import pipeline_options
    from components.shared.beam.running import distribute
    from components.shared.files.artifacts import shard_name
    from components.shared.files.paths import place
    from components.shared.rows.parquet import read_schema
    from components.shared.rows.row_ranges import count_rows

    schema = scored.schema(read_schema(place(ranges[0].shard)), write.carried)

    class Predict(beam.DoFn):  # type: ignore[misc] # Beam's classes have no types
        def setup(self) -> None:
            write.setup()

        def process(self, row_range: Any) -> Iterator[Any]:
            for batch in write.batches(row_range, schema):
                yield row_range.index, pa.Table.from_batches([batch.written])

    class Sink(FileSink):  # type: ignore[misc] # likewise
        def open(self, fh: Any) -> None:
            self.writer = pq.ParquetWriter(fh, schema)

        def write(self, record: Any) -> None:
            self.writer.write_table(record[1])

        def flush(self) -> None:
            self.writer.close()

    files = WriteToFiles(
        str(write.out),
        destination=lambda record: record[0],
        sink=lambda _: Sink(),
        file_naming=lambda *naming: shard_name(naming[-1]),
        max_writers_per_bundle=len(ranges),
    )
    batched = beam.Values() | beam.io.WriteToParquetBatched(str(write.out / "part"), schema)
    pipeline = beam.Pipeline(options=pipeline_options(write.stage.beam))
    predictions = distribute(pipeline, ranges) | "Score" >> beam.ParDo(Predict())
    _ = predictions | (files if way == "WriteToFiles" else batched)
    pipeline.run().wait_until_finish()
    return count_rows(ranges)


def by_run_inference(ranges: Sequence[Any], model: Path, stage: Any, *, rowwise: bool) -> int:
    """The same scores through Beam's RunInference, of Arrow batches or of rows; nothing is written."""
    import apache_beam as beam
    import pyarrow as pa
    from apache_beam.ml.inference.base import ModelHandler, PredictionResult, RunInference

    from components.shared.beam.options import pipeline_options
    from components.shared.beam.running import distribute
    from components.shared.rows.row_ranges import count_rows, read_range
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
    schema = next(read_range(ranges[0], features.columns, 1)).schema
    pipeline = beam.Pipeline(options=pipeline_options(stage.beam))
    read = distribute(pipeline, ranges) | "Read" >> beam.FlatMap(
        read_range, features.columns, stage.batch_rows
    )
    if rowwise:
        read |= "Rows" >> beam.FlatMap(lambda batch: batch.to_pylist())
    _ = read | RunInference(Handler())
    pipeline.run().wait_until_finish()
    return count_rows(ranges)


def show(scored: dict[str, dict[str, float]], called: dict[str, dict[str, float]]) -> None:
    """The figures, and how they compare with what is required."""
    console = Console()
    table = Table("", "rows", "seconds", "of the process", "peak MiB", "shards", title="predict")
    for title, found in scored.items():
        table.add_row(title, *_row(found))
    console.print(table)
    few, one, ten = scored.values()
    rate = (ten["rows"] - one["rows"]) / (ten["seconds"] - one["seconds"])
    fixed = few["seconds"] - few["rows"] / rate
    console.print(f"after start-up {rate:,.0f} rows/s: {rate / REQUIRED:.2f} times the {REQUIRED:,} required")
    console.print(f"fixed costs {fixed:.1f} s, and {few['wall'] - few['seconds']:.1f} s of imports")
    console.print(f"memory of {TIMES} times the rows: {ten['peak'] / one['peak']:.2f} times")
    table = Table("", "rows", "seconds", "of the process", "peak MiB", "shards", title="other ways")
    for way, found in called.items():
        table.add_row(way, *_row(found))
    console.print(table)


def _row(found: dict[str, float]) -> list[str]:
    return [
        f"{found['rows']:,.0f}", f"{found['seconds']:.2f}", f"{found['wall']:.2f}", f"{found['peak']:,.0f}",
        f"{found['files']:.0f}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
