"""What the command `report` does: find a run's report, or write it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.report.manifest import MANIFEST, REPORT
from components.shared.files.artifacts import read_json, write_json
from components.shared.files.paths import place
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.runs import find_run


def report_path(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Where the report of a run lies; written now if the run could not do so itself."""
    return folder / REPORT if (folder / REPORT).exists() else _write(folder, manifest)


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
    return _write(folder, read_json(folder / MANIFEST))


def fetch_report(run_id: str, settings: Settings, pipeline: Pipeline | None = None) -> Path:
    """Fetch the report of a run on Google Cloud, whoever started it; write it if the run has none.

    Args:
        run_id: Its id; or a use case: its last run.
        settings: Of the environment.
        pipeline: Of which pipeline that run is; None: of either.

    Raises:
        UnknownRunError: The environment has no such run.
        CloudError: The service does not answer.
    """
    from pipelines.runners import jobs

    manifest = jobs.find_run(settings, run_id, pipeline)
    folder: Path = settings.run_root / "runs" / str(manifest["run_id"])
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / MANIFEST, manifest)
    if "report" not in manifest:
        return _write(folder, manifest)
    (folder / REPORT).write_bytes(place(manifest["report"]).read_bytes())
    return folder / REPORT


def _write(folder: Path, manifest: Mapping[str, Any]) -> Path:
    from components.report.core import write

    return write(folder, manifest)
