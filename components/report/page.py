"""The whole page as data: everything the template shows, nothing it has to compute."""

from dataclasses import dataclass
from typing import Any, ClassVar

from components.report import scored as prediction
from components.report import scores as scores_
from components.report.curve_charts import Curves, curves
from components.report.data import Findings, RowCounts, findings, row_counts
from components.report.distributions import Distributions, distributions
from components.report.numbers import instant
from components.report.outcome import (
    Comparison,
    Failure,
    Headline,
    Tile,
    Verdict,
    comparison,
    failures,
    headline,
    tiles,
    verdict,
)
from components.report.reading import Missing, Run
from components.report.running import (
    Command,
    Lineage,
    Timings,
    lineage,
    next_commands,
    places,
    timings,
)
from components.report.slices import Slices, slices
from components.report.training import Training, training

_RUNNING = (("timings", "Timings"), ("lineage", "Lineage"), ("next", "Next"))


@dataclass(frozen=True, kw_only=True)
class Page:
    """What every report has; a section that is `Missing` says why it has nothing to show."""

    sections: ClassVar[tuple[tuple[str, str], ...]] = _RUNNING
    """The anchors, each with its title."""
    parts: ClassVar[tuple[str, ...]] = ("running.html.j2",)
    """The templates of the sections."""
    kind: ClassVar[str] = ""
    """What the use case's name is not enough for."""

    name: str
    question: str
    run_id: str
    started: str
    headline: Headline
    failures: tuple[Failure, ...]
    tiles: tuple[Tile, ...]
    timings: Timings
    lineage: Lineage
    places: tuple[tuple[str, str], ...]
    next: tuple[Command, ...]
    unreadable: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class TrainingPage(Page):
    """The report of a training run."""

    sections = (
        ("verdict", "Verdict"),
        ("comparison", "Metrics"),
        ("slices", "Slices"),
        ("curves", "Curves"),
        ("training", "Training"),
        ("data", "Data"),
        ("distributions", "Distributions"),
        *_RUNNING,
    )
    parts = ("quality.html.j2", "data.html.j2", "running.html.j2")

    verdict: Verdict | Missing
    comparison: Comparison | Missing
    slices: Slices | Missing
    curves: Curves | Missing
    training: Training | Missing
    rows: RowCounts | Missing
    findings: Findings | Missing
    distributions: Distributions | Missing


@dataclass(frozen=True, kw_only=True)
class PredictionPage(Page):
    """The report of a prediction run."""

    sections = (
        ("version", "Version"),
        ("rows", "Rows"),
        ("score", "Scores"),
        ("delivery", "Delivery"),
        *_RUNNING,
    )
    parts = ("predictions.html.j2", "running.html.j2")
    kind = "batch prediction"

    version: prediction.Version | Missing
    rows: prediction.Scored | Missing
    scores: scores_.Scores | Missing
    delivery: prediction.Delivery | Missing


def page(run: Run) -> Page:
    """Everything there is to say of a run."""
    return _of_prediction(run) if run.pipeline == "prediction" else _of_training(run)


def _of_training(run: Run) -> TrainingPage:
    pictures = distributions(run)
    positives = pictures.positives if isinstance(pictures, Distributions) else {}
    found: dict[str, Any] = {
        "headline": headline(run),
        "tiles": tiles(run),
        "verdict": verdict(run),
        "comparison": comparison(run),
        "slices": slices(run),
        "curves": curves(run),
        "training": training(run),
        "rows": row_counts(run, positives),
        "findings": findings(run),
        "distributions": pictures,
    }
    return TrainingPage(**found, **_of_every(run))


def _of_prediction(run: Run) -> PredictionPage:
    found: dict[str, Any] = {
        "headline": prediction.headline(run),
        "tiles": prediction.tiles(run),
        "version": prediction.version(run),
        "rows": prediction.scored(run),
        "scores": scores_.scores(run),
        "delivery": prediction.delivery(run),
    }
    return PredictionPage(**found, **_of_every(run))


def _of_every(run: Run) -> dict[str, Any]:
    """What every page has; last, so that it knows every file that could not be read."""
    return {
        "name": run.manifest.get("name", ""),
        "question": run.manifest.get("question", ""),
        "run_id": run.manifest.get("run_id", run.folder.name),
        "started": instant(run.manifest.get("started_at")),
        "failures": failures(run),
        "timings": timings(run),
        "lineage": lineage(run),
        "places": places(run),
        "next": next_commands(run),
        "unreadable": tuple(dict.fromkeys(run.unreadable)),
    }
