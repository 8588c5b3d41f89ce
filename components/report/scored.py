"""A prediction run: which version scored, where every row went, where the predictions are, at a glance."""

import datetime
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.report.data import Reconciled, by_size
from components.report.numbers import NOTHING, count, figure, known, metric, percent, seconds
from components.report.outcome import Headline, Tile, unfinished
from components.report.reading import Missing, Run
from components.shared.gcp import links


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
    missing_share: float
    unseen: int
    unseen_share: float


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
        rejected = predicted["rows"] - predicted["predictions"]
        ends = f"{figure(given.get('min'), 2)} to {figure(given.get('max'), 2)}"
        found += [
            Tile("Version", str(predicted["model_version"]), _status(run)),
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


def _status(run: Run) -> str:
    """What it was to the endpoint when it was chosen."""
    return str((run.json("choice", "choice.json") or {}).get("status", ""))


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
    value, note = _scanned(run)
    return Scored(
        rows=rows["rows"],
        predictions=predicted.get("predictions", 0),
        rejected=by_size(predicted.get("rejected")),
        sums=_sums(rows, predicted),
        repeated_keys=rows.get("repeated_keys", 0),
        odd=_odd(predicted),
        columns=tuple((rows.get("columns") or {}).items()),
        scanned=f"{value} scanned ({note})" if note else "",
    )


def _sums(rows: Mapping[str, Any], predicted: Mapping[str, Any]) -> tuple[Reconciled, ...]:
    if not predicted:
        return ()
    parts = [
        (predicted["predictions"], "predictions"),
        (sum((predicted.get("rejected") or {}).values()), "rejected"),
    ]
    return (Reconciled.of(parts, rows["rows"], "selected rows"),)


def _odd(predicted: Mapping[str, Any]) -> tuple[Odd, ...]:
    """The features with missing or unseen values, the most of them first."""
    missing, unseen = predicted.get("missing") or {}, predicted.get("unseen") or {}
    rows = max(predicted.get("predictions", 0), 1)
    found = [
        Odd(name, a := missing.get(name, 0), a / rows, b := unseen.get(name, 0), b / rows)
        for name in {**missing, **unseen}
    ]
    return tuple(sorted(found, key=lambda each: -(each.missing + each.unseen)))


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
