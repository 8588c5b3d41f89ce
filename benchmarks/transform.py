"""Where transform's seconds go: `python -m benchmarks.transform [--rows FOLDER]`, about 1 minute.

Expect seconds and peak memory of the stage over a hundred rows (its fixed start-up) and over all of
them, the rows a second of the difference, compared with the 15,000 required, and the same
start-up with one TFT analyzer a feature instead of one for all. Each is measured in a process of its
own. Without --rows: those of the newest run of flights below output/; --use-case names another.
"""

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import typer
from rich.console import Console

from benchmarks._harness import Cost, cost_table, measure_apart, newest
from components.shared.beam.options import pipeline_options
from components.shared.files.artifacts import shard_path, shards
from components.shared.rows.row_ranges import plan_ranges
from components.shared.stage.recording import silent
from components.transform import core, passes
from components.transform.preprocessing import preprocess
from components.transform.settings import TransformStage
from configs.features import Features
from configs.loading import load
from configs.rows import SPLITS

FEW = 100
"""Rows of each split that stand for none."""
REQUIRED = 15_000
"""Rows a second, after start-up."""


def main(rows: Path | None = None, use_case: str = "flights") -> None:
    """Measure and print."""
    every = rows or newest("rows", use_case)
    with tempfile.TemporaryDirectory() as folder:
        few = _cut(every, Path(folder))
        show(
            few=measure_apart(transform, few, use_case),
            every=measure_apart(transform, every, use_case),
            stacked=measure_apart(analyze, few, use_case, "one for all features"),
            plain=measure_apart(analyze, few, use_case, "one a feature"),
        )


Measured = tuple[int, Cost]
"""Rows, and what they took."""


def show(few: Measured, every: Measured, stacked: Measured, plain: Measured) -> None:
    """Print the table and the ratios."""
    names = "a hundred rows", "all rows", "analysis of a hundred rows", "… with one analyzer a feature"
    console = Console()
    console.print(cost_table("transform", dict(zip(names, (few, every, stacked, plain), strict=True))))
    start = few[1].seconds
    speed = (every[0] - few[0]) / max(every[1].seconds - start, 1e-3)
    console.print(
        f"start-up {start:.1f} s; then {speed:,.0f} rows/s: {speed / REQUIRED:.1f} of what is required"
    )
    more = plain[1].processor / stacked[1].processor
    console.print(f"one analyzer a feature takes {more:.1f} times the start-up of the analysis (processor)")


def transform(rows: Path, use_case: str) -> int:
    """The whole stage; returns how many rows it read."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        stage = TransformStage.of(load(use_case))
        return int(core.run(rows, stage, out / "graph", out / "examples", silent)["rows_in"])


def analyze(rows: Path, use_case: str, analyzers: Literal["one for all features", "one a feature"]) -> int:
    """The analysis of the training split alone; returns how many rows it read."""
    stage = TransformStage.of(load(use_case))
    function = preprocess if analyzers == "one for all features" else plain
    ranges, options = plan_ranges(rows, "train", stage.transform.shard_rows), pipeline_options(stage.beam)
    with tempfile.TemporaryDirectory() as folder:
        preprocessing = functools.partial(function, features=stage.features)
        return passes.analyze(preprocessing, ranges, stage, options, Path(folder) / "graph", silent).rows


def plain(inputs: Mapping[str, Any], features: Features) -> dict[str, Any]:
    """The usual preprocessing function: a mapper of TFT for each feature."""
    import tensorflow as tf
    import tensorflow_transform as tft

    outputs: dict[str, Any] = {}
    for name, number in features.numeric.items():
        x = inputs[name]
        if number.transform == "bucketize":
            outputs[name] = tft.bucketize(tf.where(tf.math.is_nan(x), 0.0, x), number.buckets)
            continue
        outputs[name] = tft.scale_to_z_score(tf.math.log1p(tf.abs(x)) if number.transform == "log" else x)
        outputs[f"{name}_missing"] = tf.cast(tf.math.is_nan(x), tf.float32)
    for name, category in features.categorical.items():
        if category.transform == "hash":
            outputs[name] = tft.hash_strings(inputs[name], category.buckets)
        else:
            outputs[name] = tft.compute_and_apply_vocabulary(
                inputs[name], top_k=category.top, num_oov_buckets=1, vocab_filename=name
            )
    for name, cross in features.crosses.items():
        parts = [inputs[column] for column in cross.of if column in features.categorical]
        outputs[name] = tft.hash_strings(tf.strings.join(parts, "\x1f"), cross.buckets)
    return outputs


def _cut(rows: Path, out: Path) -> Path:
    """The first rows of the splits that are transformed."""
    for split in SPLITS[:2]:
        head = next(pq.ParquetFile(shards(rows, split)[0]).iter_batches(FEW))
        pq.write_table(pa.Table.from_batches([head]), shard_path(out, split, 0))
    return out


if __name__ == "__main__":
    typer.run(main)
