"""The whole run on all flights, and the same run again: `python -m benchmarks.pipeline` (about 2 minutes).

Expect the seconds of each stage by start-up (interpreter and KFP), import and work, the peak memory of
any process, and the ratio of the unchanged second run to the first.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks._harness import run_flights

ROOT = Path("output/benchmark")


def main() -> None:
    """Run twice and print."""
    shutil.rmtree(ROOT, ignore_errors=True)
    console = Console()
    walls = []
    for title in ("first run, no cache", "second run, unchanged"):
        manifest, cost = run_flights(ROOT)
        walls.append(cost.seconds)
        console.print(stage_table(title, manifest))
    first, second = walls
    console.print(f"wall: first {first:.1f} s, second {second:.1f} s, ratio {second / first:.3f}")


def stage_table(title: str, manifest: Mapping[str, Any]) -> Table:
    """The seconds of each stage of a run by their kind, and its peak memory."""
    table = Table("stage", "start-up s", "import s", "work s", "peak MiB", title=title)
    for record in manifest["stages"]:
        seconds = record["seconds"]
        parts = [seconds.get(part, 0.0) for part in ("start-up", "import", "work")]
        figures = ["cached"] * 3 if record["cached"] else [f"{part:.2f}" for part in parts]
        table.add_row(record["stage"], *figures, str(record["peak_memory_mib"]))
    return table


if __name__ == "__main__":
    typer.run(main)
