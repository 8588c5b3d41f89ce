"""A prediction run: which version scored, where every row went, where the predictions are, at a glance."""

import datetime
import itertools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.report.data import Reconciled, by_size
from components.report.geometry import Chart, Line, Mark, plane, stairs
from components.report.numbers import NOTHING, count, figure, known, metric, percent, seconds
from components.report.outcome import Headline, Tile, unfinished
from components.report.reading import Missing, Run
from components.shared.gcp import links

_MOST_BARS = 50
_QUANTILES = (("a tenth is below", 0.1), ("half is below", 0.5), ("nine tenths are below", 0.9))


@dataclass(frozen=True)
class Version:
    """The version that scored."""

    words: str
    facts: tuple[tuple[str, str], ...]
    features: str


@dataclass(frozen=True)
class Odd:
    """The values of a raw feature that the model saw nothing in, or nothing it knows."""

    column: str
    missing: int
    unseen: int


@dataclass(frozen=True)
class Scored:
    """Where every row went."""

    rows: int
    predictions: int
    rejected: tuple[tuple[str, int], ...]
    """The reasons, the most frequent first."""
    sums: tuple[Reconciled, ...]
    repeated_keys: int
    odd: tuple[Odd, ...]
    columns: tuple[tuple[str, str], ...]
    scanned: str


@dataclass(frozen=True)
class Delivery:
    """Where the predictions are."""

    output: str
    link: str
    """Its page in the console; empty on a machine of one's own."""
    words: str
    look: str
    """The command that shows them."""


def headline(run: Run) -> Headline:
    """What happened: a failure, or how many rows were scored by whom."""
    predicted = run.json("predictions", "predictions.json")
    if found := unfinished(run):
        return found
    if not predicted:
        return Headline("plain", "Done", "Its predictions are not recorded.")
    rejected = predicted["rows"] - predicted["predictions"]
    rest = f" {count(rejected)} rows were rejected." if rejected else " No row was rejected."
    words = f"{count(predicted['predictions'])} rows scored"
    return Headline("passed", words, f"By version {predicted['model_version']}.{rest}")


def tiles(run: Run) -> tuple[Tile, ...]:
    """The key figures, those that this run has."""
    predicted = run.json("predictions", "predictions.json") or {}
    found: list[Tile] = []
    if predicted:
        share = predicted["positives"] / max(predicted["predictions"], 1)
        given = predicted.get("scores") or {}
        choice = run.json("choice", "choice.json") or {}
        rejected = predicted["rows"] - predicted["predictions"]
        ends = f"{figure(given.get('min'), 2)} to {figure(given.get('max'), 2)}"
        found += [
            Tile("Version", str(predicted["model_version"]), str(choice.get("status", ""))),
            Tile("Predictions", count(predicted["predictions"]), f"of {count(predicted['rows'])} rows"),
            Tile("Rejected", count(rejected), percent(rejected / max(predicted["rows"], 1))),
            Tile("Positive", percent(share), f"from {figure(predicted['threshold'])} on"),
            Tile("Mean score", metric(given.get("mean")), ends if given else ""),
        ]
    if "select" in run.stages:
        found.append(Tile("Scanned", *_scanned(run)))
    if known(run.manifest.get("seconds")):
        found.append(Tile("Duration", seconds(run.manifest["seconds"])))
    return tuple(found)


def _scanned(run: Run) -> tuple[str, str]:
    """What the query scanned, and why it may be nothing."""
    from components.shared.sources.bigquery.errors import size

    record = run.stages["select"]
    scanned = (record.get("summary") or {}).get("scanned_bytes")
    if record.get("cached"):
        return "0 B", "rows from the cache"
    if known(scanned):
        return size(scanned), "by BigQuery"
    return ("0 B", "not from BigQuery") if record["state"] == "done" else (NOTHING, "")


def version(run: Run) -> Version | Missing:
    """Of `choice.json`."""
    choice = run.json("choice", "choice.json")
    if not choice:
        return run.absent("choice")
    features = run.features(choice)
    facts = (
        ("model", choice.get("name") or run.manifest.get("name", "")),
        ("version", choice["version"]),
        ("at that time", choice.get("status", "")),
        ("registered", _instant(choice.get("created_at", ""))),
        ("trained by", choice.get("trained_by", "")),
        ("SavedModel", choice["model"]),
        ("stamped", _instant(choice["scored_at"])),
    )
    wanted = (run.manifest.get("parameters") or {}).get("version") or "the champion"
    return Version(
        f"Requested: {wanted}.",
        tuple((name, str(value)) for name, value in facts if value),
        ", ".join(features),
    )


def _instant(text: str) -> str:
    """`2026-11-03 14:05 UTC` of ISO 8601; what is none, as it is."""
    try:
        return datetime.datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text


def scored(run: Run) -> Scored | Missing:
    """The counts of select and predict, and whether they reconcile."""
    rows = run.json("rows", "rows.json")
    if not rows:
        return run.absent("rows")
    predicted = run.json("predictions", "predictions.json") or {}
    rejected = predicted.get("rejected") or {}
    value, note = _scanned(run)
    sums: list[Reconciled] = []
    if predicted:
        parts = [(predicted["predictions"], "predictions"), (sum(rejected.values()), "rejected")]
        sums.append(Reconciled.of(parts, rows["rows"], "selected rows"))
    return Scored(
        rows=rows["rows"],
        predictions=predicted.get("predictions", 0),
        rejected=by_size(rejected),
        sums=tuple(sums),
        repeated_keys=rows.get("repeated_keys", 0),
        odd=_odd(predicted),
        columns=tuple((rows.get("columns") or {}).items()),
        scanned=f"{value} scanned ({note})" if note else "",
    )


def _odd(predicted: Mapping[str, Any]) -> tuple[Odd, ...]:
    """The features with missing or unseen values, the most of them first."""
    missing, unseen = predicted.get("missing") or {}, predicted.get("unseen") or {}
    found = [Odd(name, missing.get(name, 0), unseen.get(name, 0)) for name in {**missing, **unseen}]
    return tuple(sorted(found, key=lambda each: -(each.missing + each.unseen)))


@dataclass(frozen=True)
class Scores:
    """How often which score was given, and how many rows a threshold would take."""

    charts: tuple[Chart, ...]
    facts: tuple[tuple[str, str], ...]
    in_words: str


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
    return facts + [(name, f"about {metric(_quantile(counts, share), 2)}") for name, share in _QUANTILES]


def _quantile(counts: Sequence[int], share: float) -> float:
    """The score below which so many lie, straight through its bin."""
    wanted, before = share * sum(counts), 0
    for index, number in enumerate(counts):
        if number and before + number >= wanted:
            return (index + (wanted - before) / number) / len(counts)
        before += number
    return 1.0


def _bars(counts: Sequence[int]) -> list[tuple[float, float, float]]:
    """From the first score to the last, of each its low and its high end and its share of all, 0 to 1.

    Two bins are a bar where there would be too many.
    """
    there = [index for index, number in enumerate(counts) if number]
    first, end = there[0], there[-1] + 1
    wide = 1 if end - first <= _MOST_BARS else 2
    first -= first % wide
    width, total = 1 / len(counts), sum(counts)
    return [
        (at * width, (at + wide) * width, sum(counts[at : at + wide]) / total)
        for at in range(first, end, wide)
    ]


def _histogram(bars: Sequence[tuple[float, float, float]], threshold: float) -> Chart:
    first, last = bars[0][0], bars[-1][1]
    low, high, share = max(bars, key=lambda bar: bar[2])  # the most frequent scores
    area = plane((first, last), (0.0, share * 105))
    width = f"{bars[0][1] - first:.2f}"
    outline = stairs(area.x, area.y, [(start, end, 100 * part) for start, end, part in bars])
    mark = Mark("best", f"threshold {figure(threshold)}", area.x(threshold))
    return area.chart(
        "score",
        "% of the predictions",
        slug="scores",
        title=f"Scores, in bars of {width}",
        summary=f"Share of the predictions by score, in bars {width} wide, from {first:.2f} to {last:.2f}; "
        f"most often {low:.2f} to {high:.2f}, {percent(share)}.",
        lines=(Line("candidate filled", "scores", outline),),
        marks=(mark,) if first <= threshold <= last else (),
    )


def _above(counts: Sequence[int], threshold: float, predicted: Mapping[str, Any]) -> Chart:
    """The share of predictions at or above each score: what another threshold would call positive."""
    total = sum(counts)
    left = itertools.accumulate(counts, lambda before, number: before - number, initial=total)
    points = [(index / len(counts), rows / total) for index, rows in enumerate(left)]
    area = plane((0.0, 1.0), (0.0, 1.0))
    positive = predicted["positives"] / max(predicted["predictions"], 1)
    text = f"{figure(threshold)}: {percent(positive)}"
    return area.chart(
        "threshold",
        "share at or above it",
        slug="above",
        title="Positive by threshold",
        summary="Share of the predictions at or above a score; "
        f"at the threshold {figure(threshold)} it is {percent(positive)}.",
        lines=(area.line("candidate", "at or above", points),),
        marks=(Mark("candidate", text, area.x(threshold), area.y(positive), above=True),),
    )


def delivery(run: Run) -> Delivery | Missing:
    """Of `delivery.json`."""
    content = run.json("delivery", "delivery.json")
    if not content:
        return run.absent("delivery")
    output, run_id = content["output"], content["run_id"]
    what = "as rows of the table" if output.startswith("bq://") else "as Parquet, in a folder of their own"
    project = run.setting("cloud", "project") or ""
    words = f"{count(content['predictions'])} predictions lie there, {what}; their run_id is {run_id}."
    return Delivery(output, links.delivered(output, project), words, look(output, run_id))


def look(output: str, run_id: str) -> str:
    """The command that shows predictions where they were delivered."""
    if output.startswith("bq://"):
        table = output.removeprefix("bq://")
        sql = f'SELECT * FROM `{table}` WHERE run_id = "{run_id}" LIMIT 10'  # noqa: S608 - to be read
        return f"bq query --nouse_legacy_sql {shlex.quote(sql)}"
    if output.startswith("gs://"):
        return f"gcloud storage ls {shlex.quote(output)}"
    return f"ls -l {shlex.quote(output)}"
