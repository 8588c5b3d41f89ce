"""Scoring in batches: `python -m benchmarks.predict [--use-case flights]`, about 4 minutes.

Scores every row of the use case, then ten times as many, each in a process of its own on Beam's local runner,
as `predict` does. Expect the rows a second after start-up (compared with 50,000, two cores), the fixed
costs (imports, Beam, the model), and the peak memory of either, which must not grow with the rows. Then
the same rows by other ways to call the signature from Beam (docs/adr/0010), and by Beam's own sinks
(docs/adr/0013). Needs a champion in output/.
"""

import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import typer
from apache_beam.io.fileio import FileSink, WriteToFiles
from apache_beam.ml.inference.base import ModelHandler, PredictionResult, RunInference
from rich.console import Console

from benchmarks._harness import Cost, cost_table, measure_apart
from components.predict import core, scored
from components.predict.scored import Stamp
from components.predict.settings import PredictStage
from components.select import core as select_core
from components.select.settings import SelectStage
from components.shared.beam.options import pipeline_options
from components.shared.beam.running import distribute
from components.shared.files.artifacts import read_json, shard_name, shard_path, shards
from components.shared.files.paths import place
from components.shared.registry import open_registry
from components.shared.rows.parquet import read_schema
from components.shared.rows.row_ranges import RowRange, count_rows, plan_ranges, read_range
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import silent
from configs.features import Features
from configs.loading import load
from configs.settings import Settings

REQUIRED = 50_000
"""Rows a second."""
TIMES = 10
FEW = 20_000
"""Rows whose time is nearly all start-up."""
DAYS = 400
"""All of the public data."""


class Request(NamedTuple):
    """What a way to score is given."""

    stage: PredictStage
    stamp: Stamp
    model: Path
    rows: Path
    """As `select` leaves them."""
    out: Path
    """A folder for the predictions."""

    @property
    def ranges(self) -> Sequence[RowRange]:
        """The rows, cut as `predict` cuts them."""
        return plan_ranges(self.rows, "score", self.stage.shard_rows)


def main(use_case: str = "flights") -> None:
    """Measure and print."""
    settings = load(use_case, overrides=[f"prediction.parameters.days={DAYS}"] * _takes_days(use_case))
    stage, model = PredictStage.of(settings), champion(settings)
    stamp = Stamp.of(stage.name, "1", "2013-12-31T00:00:00+00:00", "benchmark")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        every = folder / "every"
        measure_apart(select, settings, model, every)
        few, many = cut(every, folder / "few"), repeated(every, folder / "many")

        def measured(way: Callable[[Request], int], rows: Path = every) -> tuple[int, Cost]:
            with tempfile.TemporaryDirectory() as out:
                found = measure_apart(way, Request(stage, stamp, model, rows, Path(out)))
                print(f"{way.__name__}, {found[0]:,} rows: {len([*Path(out).rglob('part*')])} shards")
            return found

        show(measured(by_stage, few), measured(by_stage), measured(by_stage, many))
        others = {
            "RunInference": measured(by_run_inference),
            "RunInference, a row each": measured(by_rowwise_inference),
            "WriteToFiles": measured(by_files),
            f"WriteToFiles, {TIMES} times": measured(by_files, many),
            "WriteToParquetBatched": measured(by_batches),
            f"WriteToParquetBatched, {TIMES} times": measured(by_batches, many),
        }
    Console().print(cost_table("other ways", others))


def show(few: tuple[int, Cost], one: tuple[int, Cost], many: tuple[int, Cost]) -> None:
    """What the stage takes, and how it compares with what is required."""
    console = Console()
    costs = {f"{FEW:,} rows": few, "all rows": one, f"{TIMES} times": many}
    console.print(cost_table("predict", costs))
    rate = (many[0] - one[0]) / (many[1].seconds - one[1].seconds)
    fixed = few[1].seconds - few[0] / rate
    console.print(f"after start-up {rate:,.0f} rows/s: {rate / REQUIRED:.2f} times the {REQUIRED:,} required")
    console.print(f"fixed costs {fixed:.1f} s, and {few[1].start:.1f} s of imports")
    console.print(f"memory of {TIMES} times the rows: {many[1].peak / one[1].peak:.2f} times")


def champion(settings: Settings) -> Path:
    """The champion's SavedModel; without one, the process ends and says so."""
    found = open_registry(settings.places.registry).champion(settings.name)
    if found is None:
        sys.exit(f"no champion: python -m pipelines run {settings.name}")
    return Path(str(found.model))


def select(settings: Settings, model: Path, out: Path) -> None:
    """What `select` makes of the whole source."""
    features = Features.raw(**read_json(model / "model.json")["features"])
    select_core.run(SelectStage.of(settings), features, out, silent)


def _takes_days(use_case: str) -> bool:
    return "days" in load(use_case).prediction.parameters


def cut(rows: Path, out: Path) -> Path:
    """The first rows."""
    head = next(pq.ParquetFile(shards(rows, "score")[0]).iter_batches(FEW))
    pq.write_table(pa.Table.from_batches([head]), shard_path(out, "score", 0))
    return out


def repeated(rows: Path, out: Path) -> Path:
    """The same rows again and again."""
    for index, shard in enumerate(shards(rows, "score") * TIMES):
        shutil.copyfile(shard, shard_path(out, "score", index))
    return out


def by_stage(request: Request) -> int:
    """As `predict` does; returns the rows that it scored."""
    stage, stamp, model, rows, out = request
    return int(core.run(rows, model, stamp, stage, out / "predictions", silent)["rows"])


def by_files(request: Request) -> int:
    """The same predictions, written by `WriteToFiles` with a destination for each range."""

    class Sink(FileSink):  # type: ignore[misc] # Beam's classes have no types
        def open(self, fh: Any) -> None:
            self.writer: Any = None
            self.file = fh

        def write(self, record: Any) -> None:
            self.writer = self.writer or pq.ParquetWriter(self.file, record[1].schema)
            self.writer.write_table(record[1])

        def flush(self) -> None:
            self.writer.close()

    sink = WriteToFiles(
        str(request.out),
        destination=lambda record: record[0],
        sink=lambda _: Sink(),
        file_naming=lambda *naming: shard_name(naming[-1]),
        max_writers_per_bundle=len(request.ranges),
    )
    return _by_sink(request, lambda _: sink)


def by_batches(request: Request) -> int:
    """The same predictions, written by `WriteToParquetBatched`: a shard for each bundle."""
    part = str(request.out / "part")
    return _by_sink(request, lambda schema: beam.Values() | beam.io.WriteToParquetBatched(part, schema))


def _by_sink(request: Request, sink_for: Callable[[pa.Schema], Any]) -> int:
    stage, ranges = request.stage, request.ranges
    write = core._WritePredictions(stage, request.model, request.stamp, request.out)  # noqa: SLF001 - the same predictions
    schema = scored.schema(read_schema(place(ranges[0].shard)), write.carried)

    class Predict(beam.DoFn):  # type: ignore[misc] # Beam's classes have no types
        def setup(self) -> None:
            write.setup()

        def process(self, row_range: Any) -> Iterator[Any]:
            for batch in write.batches(row_range, schema):
                yield row_range.index, pa.Table.from_batches([batch.written])

    pipeline = beam.Pipeline(options=pipeline_options(stage.beam))
    _ = distribute(pipeline, ranges) | "Score" >> beam.ParDo(Predict()) | "Write" >> sink_for(schema)
    pipeline.run().wait_until_finish()
    return count_rows(ranges)


def by_run_inference(request: Request, *, rowwise: bool = False) -> int:
    """The same scores through Beam's RunInference, of Arrow batches or of rows; nothing is written."""
    model, stage, ranges = request.model, request.stage, request.ranges
    columns = Scorer(model, "the champion").features.columns
    schema = next(read_range(ranges[0], columns, 1)).schema

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

    pipeline = beam.Pipeline(options=pipeline_options(stage.beam))
    read = distribute(pipeline, ranges) | "Read" >> beam.FlatMap(read_range, columns, stage.batch_rows)
    if rowwise:
        read |= "Rows" >> beam.FlatMap(lambda batch: batch.to_pylist())
    _ = read | RunInference(Handler())
    pipeline.run().wait_until_finish()
    return count_rows(ranges)


def by_rowwise_inference(request: Request) -> int:
    """The same, a row each."""
    return by_run_inference(request, rowwise=True)


if __name__ == "__main__":
    typer.run(main)
