"""The report of a run as one self-contained HTML file that opens without a network."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.report import numbers, outcome, scored
from components.report.curves import curves, training
from components.report.data import findings, row_counts
from components.report.distributions import distributions
from components.report.experiment import log_run
from components.report.manifest import MANIFEST, REPORT, RunInfo, describe
from components.report.reading import Run
from components.report.running import lineage, next_commands, places, timings
from components.report.settings import ReportStage
from components.report.slices import slices
from components.shared.files.artifacts import Summary, write_json, writing_file
from components.shared.files.place import Place
from components.shared.stage.records import stage_records
from configs.metrics import slice_name
from configs.stages import Pipeline

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
    """Write `<folder>/report.html` by a run's manifest, whatever the run has come to; returns its path."""
    _write(folder / REPORT, Run(folder, manifest, folder))
    return folder / REPORT


def _write(out: Place, run: Run) -> None:
    text = _environment().get_template("report.html.j2").render(page=_page(run))
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
        numbers.figure, numbers.seconds, numbers.memory, slice_name,
    )  # fmt: skip
    environment.filters |= {function.__name__: function for function in written}
    environment.globals |= {"asset": _asset}
    return environment


def _asset(name: str) -> Markup:
    """Our own style or script, as it is."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 - ours, without data


# --- the page as data: everything the templates show, nothing they have to compute --------------------


@dataclass(frozen=True)
class _Layout:
    """What the page of a pipeline's runs has of its own."""

    kind: str
    """What the use case's name is not enough for."""
    sections: tuple[tuple[str, str], ...]
    """The anchors, each with its title."""
    parts: tuple[str, ...]
    """The templates of the sections."""
    content: Mapping[str, Callable[[Run], Any]]
    """By the template's name for it; what is `Missing` says why it has nothing to show."""


_RUNNING = (("timings", "Timings"), ("lineage", "Lineage"), ("next", "Next"))
_LAYOUTS: Mapping[Pipeline, _Layout] = {
    "training": _Layout(
        "",
        (
            ("verdict", "Verdict"),
            ("comparison", "Metrics"),
            ("slices", "Slices"),
            ("curves", "Curves"),
            ("training", "Training"),
            ("data", "Data"),
            ("distributions", "Distributions"),
            *_RUNNING,
        ),
        ("quality.html.j2", "data.html.j2", "running.html.j2"),
        {
            "headline": outcome.headline,
            "tiles": outcome.tiles,
            "verdict": outcome.verdict,
            "comparison": outcome.comparison,
            "slices": slices,
            "curves": curves,
            "training": training,
            "rows": row_counts,
            "findings": findings,
            "distributions": distributions,
        },
    ),
    "prediction": _Layout(
        "batch prediction",
        (("version", "Version"), ("rows", "Rows"), ("score", "Scores"), ("delivery", "Delivery"), *_RUNNING),
        ("predictions.html.j2", "running.html.j2"),
        {
            "headline": scored.headline,
            "tiles": scored.tiles,
            "version": scored.version,
            "rows": scored.scored,
            "scores": scored.scores,
            "delivery": scored.delivery,
        },
    ),
}


def _page(run: Run) -> dict[str, Any]:
    """Everything there is to say of a run, by the names that the templates use."""
    layout = _LAYOUTS[run.pipeline]
    return {
        "kind": layout.kind,
        "sections": layout.sections,
        "parts": layout.parts,
        **{name: found(run) for name, found in layout.content.items()},
        "name": run.manifest.get("name", ""),
        "question": run.manifest.get("question", ""),
        "run_id": run.manifest.get("run_id", run.folder.name),
        "started": numbers.instant(run.manifest.get("started_at")),
        "failures": outcome.failures(run),
        "timings": timings(run),
        "lineage": lineage(run),
        "places": places(run),
        "next": next_commands(run),
        "unreadable": tuple(dict.fromkeys(run.unreadable)),  # last, so that every such file is known
    }
