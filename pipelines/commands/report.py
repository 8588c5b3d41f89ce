"""What the command `report` does: the report of a run, written anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.files.artifacts import read_json
from configs.stages import Pipeline
from pipelines.runs import (
    MANIFEST,
    find_run,
)


def render(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write the report of a run that has just ended; returns where it lies."""
    from components.report.core import write

    return write(folder, manifest)


def write_report(run_id: str, root: Path, pipeline: Pipeline | None = None) -> Path:
    """Write the report of a run anew.

    Args:
        run_id: Its id; or a use case: its last run.
        root: Where runs lie.
        pipeline: Of which pipeline that run is; None: of either.

    Raises:
        UnknownRunError: There is none.
    """
    folder = find_run(root, run_id, pipeline)
    return render(folder, read_json(folder / MANIFEST))
