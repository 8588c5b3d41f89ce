"""The whole page as data: everything the template shows, nothing it has to compute."""

from dataclasses import dataclass

from pipelines.report.curves import Curves, curves
from pipelines.report.data import Findings, RowCounts, findings, row_counts
from pipelines.report.distributions import Distributions, distributions
from pipelines.report.numbers import instant
from pipelines.report.outcome import (
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
from pipelines.report.reading import Absent, Run
from pipelines.report.running import (
    Command,
    Lineage,
    Timings,
    lineage,
    next_commands,
    places,
    timings,
)
from pipelines.report.slices import Slices, slices
from pipelines.report.training import Training, training


@dataclass(frozen=True)
class Page:
    """A report, section by section; an `Absent` section says why it has nothing to show."""

    name: str
    question: str
    run_id: str
    started: str
    headline: Headline
    failures: tuple[Failure, ...]
    tiles: tuple[Tile, ...]
    verdict: Verdict | Absent
    comparison: Comparison | Absent
    slices: Slices | Absent
    curves: Curves | Absent
    training: Training | Absent
    rows: RowCounts | Absent
    findings: Findings | Absent
    distributions: Distributions | Absent
    timings: Timings
    lineage: Lineage
    places: tuple[tuple[str, str], ...]
    next: tuple[Command, ...]
    unreadable: tuple[str, ...]


def page(run: Run) -> Page:
    """Everything there is to say of a run."""
    pictures = distributions(run)
    positives = pictures.positives if isinstance(pictures, Distributions) else {}
    return Page(
        name=run.manifest.get("name", ""),
        question=run.manifest.get("question", ""),
        run_id=run.manifest.get("run_id", run.folder.name),
        started=instant(run.manifest.get("started_at")),
        headline=headline(run),
        failures=failures(run),
        tiles=tiles(run),
        verdict=verdict(run),
        comparison=comparison(run),
        slices=slices(run),
        curves=curves(run),
        training=training(run),
        rows=row_counts(run, positives),
        findings=findings(run),
        distributions=pictures,
        timings=timings(run),
        lineage=lineage(run),
        places=places(run),
        next=next_commands(run),
        unreadable=tuple(dict.fromkeys(run.unreadable)),
    )
