"""Where ingest's seconds go: `python -m benchmarks.ingest`, about two minutes.

Expect seconds and peak memory of each step over the flights of a year, from the sample data's CSV
files to Parquet shards, each step in a process of its own; values a second of FARM_FINGERPRINT, all at
once against one call a value; and the same from BigQuery, on an emulator of this machine. There the
processor seconds count: they are the adapter's own. All others are the emulator's, and say nothing
about BigQuery.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import typer
from rich.console import Console

from benchmarks._emulators import BUCKET, emulators
from benchmarks._harness import cost_table, measure_apart
from components.ingest import core
from components.ingest.settings import IngestStage
from components.shared.files.paths import place
from components.shared.sources import open_source
from components.shared.sources.googlesql.farmhash import fingerprints
from components.shared.sources.samples import seed
from components.shared.stage.recording import silent
from configs.loading import load

VALUES = 200_000
PROJECT = "benchmark-project"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, emulators():
        costs = {step: measure_apart(work, Path(folder)) for step, work in STEPS.items()}
    Console().print(cost_table("ingest", costs))


def _load(folder: Path) -> int:
    return sum(seed(_uri(folder)).values())


def _fingerprint(folder: Path) -> int:
    open_source(_uri(folder)).fingerprint(_stage(folder).source)
    return 336_776


def _query(folder: Path) -> int:
    with open_source(_uri(folder)).rows(_stage(folder).source) as rows:
        return rows.materialize()


def _ingest(folder: Path) -> int:
    return int(core.run(_stage(folder), folder / "rows", silent)["rows"])


def _load_there(_: Path) -> int:
    return sum(seed(f"bq://{PROJECT}", access=_stage_there().access).values())


def _ingest_there(folder: Path) -> int:
    return int(core.run(_stage_there(), folder / "rows-there", silent)["rows"])


def _export_there(_: Path) -> int:
    return int(core.run(_stage_there(), place(f"gs://{BUCKET}/rows"), silent)["rows"])


def _hash_at_once(_: Path) -> int:
    return len(fingerprints(_keys()))


def _hash_one_by_one(_: Path) -> int:
    from bqemulator.sql.builtin_udfs import bqemu_farm_fingerprint

    return len([bqemu_farm_fingerprint(key) for key in _keys().to_pylist()])


STEPS: dict[str, Callable[[Path], int]] = {
    "load the sample data": _load,
    "fingerprint of the tables": _fingerprint,
    "the flights query": _query,
    "ingest": _ingest,
    "load the sample data into BigQuery": _load_there,
    "ingest from BigQuery, here": _ingest_there,
    "ingest from BigQuery, to a bucket": _export_there,
    "FARM_FINGERPRINT, all at once": _hash_at_once,
    "FARM_FINGERPRINT, one by one": _hash_one_by_one,
}


def _keys() -> "pa.Array[pa.StringScalar]":
    return pa.array([f"20130101-UA{number}-EWR" for number in range(VALUES)])


def _uri(folder: Path) -> str:
    return f"duckdb://{folder / 'warehouse.duckdb'}"


def _stage(folder: Path) -> IngestStage:
    return IngestStage.of(load("flights", overrides=[f"source.uri={_uri(folder)}"]))


def _stage_there() -> IngestStage:
    overrides = [f"cloud.project={PROJECT}", f"places.warehouse=bq://{PROJECT}"]
    return IngestStage.of(load("flights", "dev", overrides))


if __name__ == "__main__":
    typer.run(main)
