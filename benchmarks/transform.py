"""Where transform's seconds go: `python -m benchmarks.transform [--rows FOLDER]`, about 1 minute.

Expect seconds and peak memory of the stage over a hundred rows (its fixed start-up) and over all of
them, the rows a second of the difference, compared with the 15,000 required, and the same
start-up with one TFT analyzer a feature instead of one for all. Each is measured in a process of its
own. Without --rows: those of the newest run of flights below output/; --use-case names another.
"""

import argparse
import functools
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks._newest import newest
from benchmarks._process import peak_mib, run_apart
from components.shared.files.artifacts import shard_path, shards
from components.shared.stage.recording import silent
from components.transform.settings import TransformStage
from configs.features import Features
from configs.loading import load
from configs.rows import SPLITS

FEW = 100
"""Rows of each split that stand for none."""
REQUIRED = 15_000
"""Rows a second, after start-up."""
WAYS = {
    "few": "a hundred rows",
    "all": "all rows",
    "stacked": "analysis of a hundred rows",
    "plain": "… with one analyzer a feature",
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--use-case", default="flights")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    rows = args.rows or newest("rows", args.use_case)
    if args.way:
        print(json.dumps(measure(args.way, rows, TransformStage.of(load(args.use_case)))))
        return
    with tempfile.TemporaryDirectory() as few:
        _cut(rows, Path(few))
        found = {
            way: run_apart(
                "transform", "--way", way, "--rows", str(rows) if way == "all" else few,
                "--use-case", args.use_case,
            )
            for way in WAYS
        }  # fmt: skip
    show(found)


def measure(way: str, rows: Path, stage: TransformStage) -> dict[str, float]:
    """Seconds (wall and processor), rows and peak MiB of one way, in this process."""
    began = time.perf_counter()
    from components.transform import core

    imported = time.perf_counter()
    used = os.times()
    with tempfile.TemporaryDirectory() as out:
        place = Path(out)
        if way in ("few", "all"):
            summary = core.run(rows, stage, place / "graph", place / "examples", silent)
        else:
            summary = {"rows_in": _analyze(way, rows, stage, place / "graph")}
    done, now = time.perf_counter(), os.times()
    return {
        "import": imported - began,
        "work": done - imported,
        "processor": now.user + now.system - used.user - used.system,
        "rows": float(summary["rows_in"]),
        "peak": peak_mib(),
    }


def show(found: Mapping[str, Mapping[str, float]]) -> None:
    """Print the table and the ratios."""
    table = Table("", "rows", "import s", "work s", "processor s", "peak MiB", title="transform")
    for way, title in WAYS.items():
        one = found[way]
        seconds = [f"{one[name]:.2f}" for name in ("import", "work", "processor")]
        table.add_row(title, f"{one['rows']:,.0f}", *seconds, f"{one['peak']:,.0f}")
    console = Console()
    console.print(table)
    few, every = found["few"], found["all"]
    speed = (every["rows"] - few["rows"]) / max(every["work"] - few["work"], 1e-3)
    console.print(
        f"start-up {few['work']:.1f} s; then {speed:,.0f} rows/s: {speed / REQUIRED:.1f} of what is required"
    )
    saved = found["plain"]["processor"] / found["stacked"]["processor"]
    console.print(f"one analyzer a feature takes {saved:.1f} times the start-up of the analysis (processor)")


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


def _analyze(way: str, rows: Path, stage: TransformStage, graph: Path) -> int:
    from components.shared.beam.options import pipeline_options
    from components.shared.rows.row_ranges import plan_ranges
    from components.transform import passes
    from components.transform.preprocessing import preprocess

    function = functools.partial(preprocess if way == "stacked" else plain, features=stage.features)
    train = plan_ranges(rows, "train", stage.transform.shard_rows)
    return passes.analyze(function, train, stage, pipeline_options(stage.beam), graph, silent).rows


def _cut(rows: Path, few: Path) -> None:
    for split in SPLITS[:2]:
        head = next(pq.ParquetFile(shards(rows, split)[0]).iter_batches(FEW))
        pq.write_table(pa.Table.from_batches([head]), shard_path(few, split, 0))


if __name__ == "__main__":
    main()
