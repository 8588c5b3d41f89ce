"""The report of a run as one self-contained HTML file that opens without a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from components.report import numbers
from components.report.page import page
from components.report.reading import Run
from components.shared.files.artifacts import writing_file

REPORT = "report.html"
_TEMPLATES = Path(__file__).parent / "templates"


def write(folder: Path, manifest: Mapping[str, Any]) -> Path:
    """Write the report of a run, whatever the run has come to.

    Args:
        folder: The folder of the run.
        manifest: Its manifest, as `pipelines.runs` writes it.

    Returns:
        The path of the report, `<folder>/report.html`.
    """
    text = _environment().get_template("report.html.j2").render(page=page(Run(folder, manifest)))
    with writing_file(folder / REPORT) as beside:
        beside.write_text(text, encoding="utf-8")
    return folder / REPORT


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
