"""Scoring and TFMA by slices: `python -m benchmarks.evaluate [--rows FOLDER --model FOLDER]`, about 1 minute.

Expect rows a second of scoring through the exported signature (compared with 50,000) and of TFMA over
all slices (against 5,000), both on the whole test split in one process; then plain TFMA and grouped
rows on the same part of it: the ratio of their rows a second, and the largest difference of a metric.
"a pass" and "a pass in Beam" read, score and count the split: as a loop, and as Beam's workers do it, here.
Without --rows and --model: those of the newest run of flights below output/.
"""

import argparse
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow_model_analysis as tfma
from rich.console import Console
from rich.table import Table
from tensorflow_model_analysis.proto import config_pb2

from benchmarks._newest import newest
from benchmarks._process import peak_mib
from components.evaluate.analysis import Metrics, SliceKey, analyze_groups, slice_key
from components.evaluate.eval_config import CANDIDATE, Defined, Measure, eval_config
from components.evaluate.frozen import FrozenSplit, open_split
from components.evaluate.preaggregated import COARSE_BINS, Floats, PreaggregatedRows
from components.evaluate.scoring_pass import ScoringPass, score, score_on_workers
from components.evaluate.settings import EvaluateStage
from components.evaluate.slices import Ids, SliceBook
from components.evaluate.tfma_metrics import score_column
from components.shared.beam.options import pipeline_options
from components.shared.rows.scoring import Scorer
from components.shared.stage.recording import silent
from configs.loading import load
from configs.places import Beam

REQUIRED_SCORING, REQUIRED_TFMA = 50_000, 5_000
"""Rows a second."""
PLAIN_ROWS = 10_000
SLICES = (("carrier",), ("origin",), ("month",), ("hour",), ("origin", "carrier"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)  # in TFMA, 0 / 0
    settings = load("flights")
    split = open_split(args.rows or newest("rows"), settings.label.column)
    scorer = Scorer(args.model or newest("model"), "the candidate")
    stage = EvaluateStage.of(settings)
    columns = [*scorer.features.columns, *(name for slice_ in stage.evaluation.slices for name in slice_)]
    scoring = ScoringPass(split, stage, scorer.features, [*columns, *([stage.key] if stage.key else [])])
    measure = Measure(split.label, COARSE_BINS, settings.evaluation.threshold)
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        table, scores = _scored(split, scorer, seconds)
        with timed(seconds, "a pass"):
            score(scoring, [scorer], lambda _: None)
        with timed(seconds, "a pass in Beam"):
            score_on_workers(scoring, [scorer], pipeline_options(Beam()), silent)
        with timed(seconds, "tfma"):
            slices = by_groups(table, scores, measure, Path(folder) / "all")
        part: Ids = np.linspace(0, len(scores) - 1, min(PLAIN_ROWS, len(scores)), dtype=np.int64)
        few, its_scores = table.take(part), scores[part]
        with timed(seconds, "grouped"):
            ours = by_groups(few, its_scores, measure, Path(folder) / "grouped")
        with timed(seconds, "plain"):
            theirs = by_rows(few, its_scores, measure, Path(folder) / "plain")
    show(seconds, split.rows, len(slices), len(part), difference(ours, theirs))


@contextmanager
def timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    """Note the seconds of the body."""
    began = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began


def _scored(split: FrozenSplit, scorer: Scorer, seconds: dict[str, float]) -> tuple[pa.Table, Floats]:
    """The split with its scores; the first batch, which builds the graph, is not counted."""
    columns = [*scorer.features.columns, *dict.fromkeys(name for slice_ in SLICES for name in slice_)]
    batches = [batch for batch, _ in split.batches(8192, columns)]
    scorer.scores(batches[0])
    with timed(seconds, "scoring"):
        scores = np.concatenate([scorer.scores(batch) for batch in batches])
    return pa.Table.from_batches(batches), scores


def by_groups(table: pa.Table, scores: Floats, measure: Measure, out: Path) -> dict[SliceKey, Metrics]:
    """The metrics of every slice, from grouped rows."""
    labels: Ids = table[measure.label].to_numpy().astype(np.int64)
    book = SliceBook(SLICES)
    numbers = book.numbered(table.combine_chunks().to_batches()[0])
    groups = PreaggregatedRows.of(scores, labels, numbers, measure.threshold).within(measure.bins)
    slices = {slice_key(book.slices[number]): group for number, group in groups.by_slice().items()}
    config = eval_config([CANDIDATE], SLICES, measure, (), Defined({}, {}))
    return analyze_groups(out, config, {CANDIDATE: slices}, pipeline_options(Beam()))[CANDIDATE]


def by_rows(table: pa.Table, scores: Floats, measure: Measure, out: Path) -> dict[SliceKey, Metrics]:
    """The same by TFMA's own extractors and slicer, a row at a time."""
    config = eval_config([CANDIDATE], SLICES, measure, (), Defined({}, {}))
    loss = config_pb2.MetricConfig(class_name="BinaryCrossEntropy", config='{"name": "log_loss"}')
    for metric in config.metrics_specs[0].metrics:
        if metric.class_name == "LogLoss":
            metric.CopyFrom(loss)
    sliced = table.select([measure.label, *dict.fromkeys(name for slice_ in SLICES for name in slice_)])
    batch = _in_lists(sliced.append_column(score_column(CANDIDATE), pa.array(scores)))
    stages = tfma.default_extractors(eval_config=config), tfma.default_evaluators(eval_config=config)
    with beam.Pipeline(options=pipeline_options(Beam())) as pipeline:
        extracts = pipeline | beam.Create([batch], reshuffle=False) | tfma.BatchedInputsToExtracts()
        evaluation = extracts | tfma.ExtractAndEvaluate(*stages)
        evaluation | tfma.WriteResults(tfma.default_writers(str(out), eval_config=config))
    return {
        key: {name: float(value["doubleValue"]) for name, value in outputs[""][""].items()}
        for key, outputs in tfma.load_eval_result(str(out)).slicing_metrics
    }


def _in_lists(table: pa.Table) -> pa.RecordBatch:
    """TFMA's form of rows: every value a list of one."""
    offsets = pa.array(range(len(table) + 1), pa.int32())
    columns: dict[str, Any] = {
        name: pa.ListArray.from_arrays(offsets, table[name].combine_chunks()) for name in table.column_names
    }
    return pa.RecordBatch.from_pydict(columns)


def difference(ours: Mapping[SliceKey, Metrics], theirs: Mapping[SliceKey, Metrics]) -> float:
    """The largest between two metrics of the same name and slice, where they are defined."""
    assert ours.keys() == theirs.keys()
    pairs = (
        (ours[key][name], theirs[key][name])
        for key in ours
        for name in ours[key]
        if ours[key][name] is not None
    )
    return max(abs((one or 0.0) - (other or 0.0)) for one, other in pairs)


def show(seconds: Mapping[str, float], rows: int, slices: int, part: int, apart: float) -> None:
    """The figures, and how they compare with what is required."""
    table = Table("", "rows", "seconds", "rows/s", "required", "ratio", title="evaluate")
    for name, number, required in (
        ("scoring", rows, REQUIRED_SCORING),
        ("a pass", rows, REQUIRED_SCORING),
        ("a pass in Beam", rows, None),
        ("tfma", rows, REQUIRED_TFMA),
        ("grouped", part, None),
        ("plain", part, None),
    ):
        rate = number / seconds[name]
        against = (f"{required:,}", f"{rate / required:.2f}") if required else ("", "")
        table.add_row(name, f"{number:,}", f"{seconds[name]:.2f}", f"{rate:,.0f}", *against)
    console = Console()
    console.print(table)
    ratio = (rows / seconds["tfma"]) / (part / seconds["plain"])
    console.print(f"{slices} slices, 7 metrics: {ratio:.0f} times the rows/s of plain TFMA")
    console.print(f"largest difference of a metric on the same {part:,} rows: {apart:.1g}")
    console.print(f"peak memory {peak_mib():,.0f} MiB")


if __name__ == "__main__":
    main()
