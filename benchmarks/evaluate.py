"""Scoring and TFMA by slices: `python -m benchmarks.evaluate [--rows FOLDER --model FOLDER]`, about 1 minute.

Expect rows a second of scoring through the exported signature (compared with 50,000) and of TFMA over
all slices (against 5,000), both on the whole test split in one process; then plain TFMA and grouped
rows on the same part of it: the ratio of their rows a second, and the largest difference of a metric.
"a pass" and "a pass in Beam" read, score and count the split: as a loop, and as Beam's workers do it, here.
Without --rows and --model: those of the newest run of flights below output/.
"""

import logging
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import tensorflow_model_analysis as tfma
import typer
from rich.console import Console
from tensorflow_model_analysis.proto import config_pb2

from benchmarks._harness import Cost, cost_table, measure, newest
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

REQUIRED = {"scoring": 50_000, "a pass": 50_000, "tfma": 5_000}
"""Rows a second."""
PLAIN_ROWS = 10_000
SLICES = (("carrier",), ("origin",), ("month",), ("hour",), ("origin", "carrier"))


def main(rows: Path | None = None, model: Path | None = None) -> None:
    """Measure and print."""
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore", "invalid value", RuntimeWarning)  # in TFMA, 0 / 0
    settings = load("flights")
    split = open_split(rows or newest("rows"), settings.label.column)
    scorer = Scorer(model or newest("model"), "the candidate")
    stage = EvaluateStage.of(settings)
    columns = [*scorer.features.columns, *(name for slice_ in stage.evaluation.slices for name in slice_)]
    scoring = ScoringPass(split, stage, scorer.features, [*columns, *([stage.key] if stage.key else [])])
    to_measure = Measure(split.label, COARSE_BINS, settings.evaluation.threshold)
    table, scores, scored = _scored(split, scorer)
    _, a_pass = measure(lambda: score(scoring, [scorer], lambda _: None))
    _, in_beam = measure(lambda: score_on_workers(scoring, [scorer], pipeline_options(Beam()), silent))
    part: Ids = np.linspace(0, len(scores) - 1, min(PLAIN_ROWS, len(scores)), dtype=np.int64)
    few = table.take(part), scores[part], to_measure
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        slices, sliced = measure(lambda: by_groups(table, scores, to_measure, out / "all"))
        ours, grouped = measure(lambda: by_groups(*few, out / "grouped"))
        theirs, plain = measure(lambda: by_rows(*few, out / "plain"))
    whole = {"scoring": scored, "a pass": a_pass, "a pass in Beam": in_beam, "tfma": sliced}
    costs = {name: (split.rows, cost) for name, cost in whole.items()}
    show({**costs, "grouped": (len(part), grouped), "plain": (len(part), plain)})
    print(f"{len(slices)} slices, 7 metrics; most that plain TFMA differs: {difference(ours, theirs):.1g}")


def show(costs: Mapping[str, tuple[int, Cost]]) -> None:
    """The figures, and how they compare with what is required."""
    Console().print(cost_table("evaluate", costs))
    rates = {name: rows / cost.seconds for name, (rows, cost) in costs.items()}
    for name, required in REQUIRED.items():
        print(f"{name}: {rates[name] / required:.2f} times the {required:,} rows/s required")
    print(f"tfma: {rates['tfma'] / rates['plain']:.0f} times the rows/s of plain TFMA")


def _scored(split: FrozenSplit, scorer: Scorer) -> tuple[pa.Table, Floats, Cost]:
    """The split with its scores; the first batch, which builds the graph, is not counted."""
    columns = [*scorer.features.columns, *dict.fromkeys(name for slice_ in SLICES for name in slice_)]
    batches = [batch for batch, _ in split.batches(8192, columns)]
    scorer.scores(batches[0])
    scores, cost = measure(lambda: np.concatenate([scorer.scores(batch) for batch in batches]))
    return pa.Table.from_batches(batches), scores, cost


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


if __name__ == "__main__":
    typer.run(main)
