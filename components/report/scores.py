"""The distribution of a prediction run's scores, as two charts, from `predictions.json`."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.report.geometry import Chart, Line, Mark, Plane, plane, stairs
from components.report.numbers import count, figure, known, metric, percent
from components.report.reading import Missing, Run

_MOST_BARS = 50
_QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Scores:
    """How often which score was given, and how many rows a threshold would take."""

    charts: tuple[Chart, ...]
    facts: tuple[tuple[str, str], ...]
    in_words: str


@dataclass(frozen=True)
class _Bar:
    low: float
    high: float
    share: float
    """Of all predictions, 0 to 1."""


def scores(run: Run) -> Scores | Missing:
    """The charts of the counts by score."""
    predicted = run.json("predictions", "predictions.json")
    if not predicted:
        return run.absent("predictions")
    if not predicted.get("scores"):
        return Missing(
            "No row was scored." if predicted.get("predictions") == 0 else "The scores were not counted."
        )
    counts, threshold = predicted["scores"]["counts"], predicted["threshold"]
    return Scores(
        (_histogram(_bars(counts), threshold), _above(counts, threshold, predicted)),
        tuple(_facts(predicted["scores"])),
        f"{count(predicted['positives'])} of {count(predicted['predictions'])} predictions "
        f"({percent(predicted['positives'] / max(predicted['predictions'], 1))}) are positive: "
        f"{figure(threshold)} or more.",
    )


def _facts(predicted: Mapping[str, Any]) -> list[tuple[str, str]]:
    counts: Sequence[int] = predicted["counts"]
    facts = [(name, metric(predicted[name])) for name in ("mean", "min", "max") if known(predicted.get(name))]
    named = {0.1: "a tenth is below", 0.5: "half is below", 0.9: "nine tenths are below"}
    return facts + [(named[share], f"about {metric(_quantile(counts, share), 2)}") for share in _QUANTILES]


def _quantile(counts: Sequence[int], share: float) -> float:
    """The score below which so many lie, straight through its bin."""
    wanted, before = share * sum(counts), 0
    for index, number in enumerate(counts):
        if number and before + number >= wanted:
            return (index + (wanted - before) / number) / len(counts)
        before += number
    return 1.0


def _bars(counts: Sequence[int]) -> list[_Bar]:
    """From the first score to the last; two bins a bar where there would be too many."""
    there = [index for index, number in enumerate(counts) if number]
    first, end = there[0], there[-1] + 1
    wide = 1 if end - first <= _MOST_BARS else 2
    first -= first % wide
    width, total = 1 / len(counts), sum(counts)
    return [
        _Bar(at * width, (at + wide) * width, sum(counts[at : at + wide]) / total)
        for at in range(first, end, wide)
    ]


def _histogram(bars: Sequence[_Bar], threshold: float) -> Chart:
    x = (bars[0].low, bars[-1].high)
    area = plane(x, (0.0, max(bar.share for bar in bars) * 105))
    width = f"{bars[0].high - bars[0].low:.2f}"
    often = max(bars, key=lambda bar: bar.share)
    outline = stairs(area.x, area.y, [(bar.low, bar.high, 100 * bar.share) for bar in bars])
    return area.chart(
        "score",
        "% of the predictions",
        slug="scores",
        title=f"Scores, in bars of {width}",
        summary=f"Share of the predictions by score, in bars {width} wide, from {x[0]:.2f} to {x[1]:.2f}; "
        f"most often {often.low:.2f} to {often.high:.2f}, {percent(often.share)}.",
        lines=(Line("candidate filled", "scores", outline),),
        marks=_threshold(area, threshold),
    )


def _above(counts: Sequence[int], threshold: float, predicted: Mapping[str, Any]) -> Chart:
    """The share of predictions at or above each score: what another threshold would call positive."""
    total = sum(counts)
    left = itertools.accumulate(counts, lambda before, number: before - number, initial=total)
    points = [(index / len(counts), rows / total) for index, rows in enumerate(left)]
    area = plane((0.0, 1.0), (0.0, 1.0))
    positive = predicted["positives"] / max(predicted["predictions"], 1)
    return area.chart(
        "threshold",
        "share at or above it",
        slug="above",
        title="Positive by threshold",
        summary="Share of the predictions at or above a score; "
        f"at the threshold {figure(threshold)} it is {percent(positive)}.",
        lines=(area.line("candidate", "at or above", points),),
        marks=(
            Mark(
                "candidate",
                f"{figure(threshold)}: {percent(positive)}",
                area.x(threshold),
                area.y(positive),
                above=True,
            ),
        ),
    )


def _threshold(area: Plane, threshold: float) -> tuple[Mark, ...]:
    """Where predictions become positive, if that is in the picture."""
    if not area.x.low <= threshold <= area.x.high:
        return ()
    return (Mark("best", f"threshold {figure(threshold)}", area.x(threshold)),)
