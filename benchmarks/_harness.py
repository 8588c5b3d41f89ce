"""What benchmarks share: what work costs, here or in a process of its own, the newest run, and a table."""

import functools
import multiprocessing
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from rich.table import Table

from components.report.manifest import MANIFEST
from components.shared.files.artifacts import read_json
from components.shared.stage.recording import log_to
from components.shared.stage.records import artifact_path
from configs.errors import UnknownRunError
from pipelines.runs import find_run

Result = TypeVar("Result")


class Cost(NamedTuple):
    """What some work took."""

    seconds: float
    processor: float
    """Seconds on the processors."""
    peak: float
    """The most memory that its process has had, MiB."""
    start: float = 0.0
    """Seconds from the start of its process to the work: the interpreter and the imports."""


def measure(work: Callable[[], Result]) -> tuple[Result, Cost]:
    """The result of some work in this process, and its cost."""
    began, used = time.perf_counter(), time.process_time()
    result = work()
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    return result, Cost(seconds, processor, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure_apart(
    work: Callable[..., Result], *arguments: Any, before: Callable[[], object] | None = None
) -> tuple[Result, Cost]:
    """The same in a process of its own, which prints nothing.

    Args:
        work: A function of a module; its result is sent back.
        arguments: Of the work.
        before: What the process does first, which is not measured.
    """
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with log_to(Path(os.devnull)), ProcessPoolExecutor(1, context, initializer=before) as process:
        result, cost = process.submit(measure, functools.partial(work, *arguments)).result()
    return result, cost._replace(start=time.perf_counter() - began - cost.seconds)


def cost_table(title: str, costs: Mapping[str, tuple[int, Cost]]) -> Table:
    """A table of what each way took, by its name, with the rows that it took it for."""
    headings = "rows", "start-up s", "seconds", "processor s", "rows/s", "peak MiB"
    table = Table("", *headings, title=title)
    for name, (rows, cost) in costs.items():
        seconds = [f"{each:.2f}" for each in (cost.start, cost.seconds, cost.processor)]
        table.add_row(name, f"{rows:,}", *seconds, f"{rows / cost.seconds:,.0f}", f"{cost.peak:,.0f}")
    return table


def run_command(command: Sequence[str]) -> tuple[str, Cost]:
    """What a command prints, and its cost with all processes that it starts; a failure ends this one."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\n{command[:3]} ended with {done.returncode}")
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, Cost(seconds, processor, after.ru_maxrss / 1024)


def run_flights(root: Path) -> tuple[dict[str, Any], Cost]:
    """The whole pipeline of flights below a folder of its own: the run's manifest and its cost."""
    places = ["--set", f"places.root={root}", "--set", f"places.registry=file://{root}/registry"]
    _, cost = run_command([sys.executable, "-m", "pipelines", "run", "flights", *places])
    return read_json(find_run(root, "flights") / MANIFEST), cost


def newest(artifact: str, use_case: str = "flights") -> Path:
    """An artifact of the newest run below output/; without one, the process ends and says how to make it."""
    try:
        path = artifact_path(read_json(find_run(Path("output"), use_case) / MANIFEST), artifact)
    except UnknownRunError:
        path = None
    if path is None:
        sys.exit(f"no {artifact} of {use_case} below output/. Make it: python -m pipelines run {use_case}")
    return Path(str(path))
