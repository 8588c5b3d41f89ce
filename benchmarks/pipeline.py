"""The whole run on all flights, and the same run again: `python -m benchmarks.pipeline` (about 2 minutes).

Expect the seconds of each stage by start-up (interpreter and KFP), import and work, the peak memory of
any process, and the ratio of the unchanged second run to the first.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from components.report.manifest import MANIFEST
from components.shared.files.artifacts import read_json
from pipelines.runs import find_run

ROOT = Path("output/benchmark")
_COMMAND = [
    sys.executable, "-m", "pipelines", "run", "flights",
    "--set", f"places.root={ROOT}",
    "--set", f"places.registry=file://{ROOT}/registry",
]  # fmt: skip


def main() -> None:
    """Run twice and print."""
    shutil.rmtree(ROOT, ignore_errors=True)
    console = Console()
    first, second = _run("first run, no cache"), _run("second run, unchanged")
    console.print(first[1])
    console.print(second[1])
    console.print(f"wall: first {first[0]:.1f} s, second {second[0]:.1f} s, ratio {second[0] / first[0]:.3f}")


def _run(title: str) -> tuple[float, Table]:
    started = time.perf_counter()
    done = subprocess.run(_COMMAND, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - started
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return wall, _table(title, find_run(ROOT, "flights"))


def _table(title: str, folder: Path) -> Table:
    table = Table("stage", "start-up s", "import s", "work s", "peak MiB", title=title)
    for record in read_json(folder / MANIFEST)["stages"]:
        seconds = record["seconds"]
        parts = [seconds.get(part, 0.0) for part in ("start-up", "import", "work")]
        figures = ["cached"] * 3 if record["cached"] else [f"{part:.2f}" for part in parts]
        table.add_row(record["stage"], *figures, str(record["peak_memory_mib"]))
    return table


if __name__ == "__main__":
    main()
