"""The report of a run as one self-contained HTML file that opens without a network."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.report import numbers
from components.report.experiment import log_run
from components.report.manifest import MANIFEST, REPORT, RunInfo, describe
from components.report.page import page
from components.report.reading import Run
from components.report.settings import ReportStage
from components.shared.files.artifacts import Summary, write_json, writing_file
from components.shared.files.place import Place
from components.shared.stage.records import stage_records

NAME = "report"
"""Of the stage: its own record is no part of the run that it is about."""
_TEMPLATES = Path(__file__).parent / "templates"


def run(stage: ReportStage, info: RunInfo, out: Place, folder: Path | None = None) -> Summary:
    """Write the report of the run in which this stage is a task, and next to it the run's manifest.

    Args:
        stage: What ran, and where.
        info: How the run ended; without an id it is known by the name of its place.
        out: Becomes the report. It lies at RUN/TASK/report.html, as the outputs of all stages do.
        folder: The folder of this machine that the run is recorded in; None: the run's own place.

    Returns:
        How the run ended, and how many of its stages have a record.
    """
    place = out.parent.parent
    records = [record for record in stage_records(place) if record["stage"] != NAME]
    manifest = describe(stage.settings, replace(info, run_id=info.run_id or place.name), records)
    if reason := log_run(stage.settings, manifest):
        manifest["tracking"] = reason
    write_json(out.parent / MANIFEST, manifest)
    _write(out, Run(folder or place, manifest, folder or out.parent))
    return {"state": info.state, "stages": len(records), "seconds": manifest["seconds"]}


def write(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write the report of a run by its manifest, whatever the run has come to.

    Args:
        folder: The folder of the run.
        manifest: See `manifest.describe`.

    Returns:
        The path of the report, `<folder>/report.html`.
    """
    _write(folder / REPORT, Run(folder, manifest, folder))
    return folder / REPORT


def _write(out: Place, run: Run) -> None:
    text = _environment().get_template("report.html.j2").render(page=page(run))
    with writing_file(out) as file:
        file.write_text(text, encoding="utf-8")


def _environment() -> Environment:
    """Templates that escape everything, and fail on a name that does not exist."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    written = (
        numbers.count, numbers.metric, numbers.signed, numbers.percent,
        numbers.figure, numbers.seconds, numbers.memory,
    )  # fmt: skip
    environment.filters |= {function.__name__: function for function in written}
    environment.globals |= {"asset": _asset}
    return environment


def _asset(name: str) -> Markup:
    """Our own style or script, as it is."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 - ours, without data
