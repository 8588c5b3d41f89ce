"""What a benchmark measures of a process: a way of its own in a fresh one, seconds and peak memory."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any


def run_apart(benchmark: str, *options: str, env: Mapping[str, str] | None = None) -> Any:
    """The JSON in the last line that a benchmark prints, run with these options in a process of its own.

    A process that fails ends this one, with what it wrote to its standard error.
    """
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def measure(work: Callable[[], int]) -> dict[str, float]:
    """What work costs in this process: `rows` (its result), `seconds`, `processor` seconds, `peak` MiB."""
    began, used = time.perf_counter(), time.process_time()
    rows = work()
    seconds, processor = time.perf_counter() - began, time.process_time() - used
    return {"rows": rows, "seconds": seconds, "processor": processor, "peak": peak_mib()}


def peak_mib() -> float:
    """The most memory that this process has had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
