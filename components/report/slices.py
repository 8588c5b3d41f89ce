"""The metrics by slice, the weakest first, each AUC with its uncertainty."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.report.geometry import Scale
from components.report.numbers import known
from components.report.reading import Missing, Run
from configs.metrics import METRICS, Metric, slice_name

_MOST = 500
"""Slices in the table; the rest is in metrics.json."""


@dataclass(frozen=True)
class Slice:
    """A slice as a row of the table; `x…` are places on the AUC's inline axis, 0 to 100."""

    name: str
    group: str
    rows: int
    metrics: Mapping[str, Any]
    champion_auc: float | None
    small: bool
    failed: bool
    """A gate failed here."""
    x: float | None
    x_low: float
    x_high: float
    x_champion: float | None

    @property
    def difference(self) -> float | None:
        """The AUC minus the champion's."""
        auc = self.metrics.get("auc")
        return auc - self.champion_auc if known(auc) and known(self.champion_auc) else None


@dataclass(frozen=True)
class Slices:
    """The table: its rows, where the whole split lies on the inline axis, and what was left out."""

    rows: tuple[Slice, ...]
    groups: tuple[str, ...]
    overall: Mapping[str, Any]
    x_overall: float | None
    axis: tuple[float, float]
    min_rows: int | None
    most: int
    """Rows of the largest slice."""
    left_out: int
    champion: bool
    others: tuple[Metric, ...]
    """The metrics but for AUC, a column each."""


def slices(run: Run) -> Slices | Missing:
    """The slices of `metrics.json`; those too small to judge come last."""
    metrics = run.json("evaluation", "metrics.json")
    if not metrics:
        return run.absent("evaluation")
    found = list(metrics["candidate"].get("slices") or ())
    if not found:
        return Missing("No slices are configured: name some under evaluation.slices.")
    champions = {
        slice_name(each["slice"]): each.get("auc")
        for each in (metrics.get("champion") or {}).get("slices") or ()
    }
    overall = metrics["candidate"]["overall"]
    min_rows = run.setting("evaluation", "min_slice_rows")
    judged = [each for each in found if each["rows"] >= (min_rows or 0)]
    scale = _scale([overall, *judged])
    failed = _failed(run)
    rows = sorted(
        (_slice(each, champions, scale, min_rows or 0, failed) for each in found),
        key=lambda row: (row.small, row.metrics["auc"] if known(row.metrics.get("auc")) else math.inf),
    )
    return Slices(
        rows=tuple(rows[:_MOST]),
        groups=tuple(dict.fromkeys(row.group for row in rows)),
        overall=overall,
        x_overall=scale(overall["auc"]) if known(overall.get("auc")) else None,
        axis=(scale.low, scale.high),
        min_rows=min_rows,
        most=max(each["rows"] for each in found) or 1,
        left_out=max(0, len(rows) - _MOST),
        champion=bool(champions),
        others=tuple(metric for metric in METRICS.values() if metric.name != "auc"),
    )


def _failed(run: Run) -> set[str]:
    verdict = run.verdict() or {"reasons": ()}
    return {
        slice_name(reason["slice"])
        for reason in verdict["reasons"]
        if reason.get("slice") and not reason["passed"]
    }


def _scale(models: Sequence[Mapping[str, Any]]) -> Scale:
    """The inline axis: the intervals of all judged slices lie on it, between multiples of 0.05."""
    ends = [end for each in models if known(each.get("auc")) for end in _interval(each)] or [0.5, 1.0]
    low = max(math.floor(min(ends) * 20) / 20, 0.0)
    high = min(math.ceil(max(ends) * 20) / 20, 1.0)
    return Scale(low, max(high, low + 0.05), 2, 98)


def _interval(model: Mapping[str, Any]) -> tuple[float, float]:
    """The 95 % interval of a known AUC; of no width where the positives were not counted."""
    auc, rows, positives = model["auc"], model.get("rows"), model.get("positives")
    error = auc_error(auc, positives, rows - positives) if known(rows) and known(positives) else 0.0
    return auc - 1.96 * error, auc + 1.96 * error


def _slice(
    each: Mapping[str, Any], champions: Mapping[str, Any], scale: Scale, min_rows: int, failed: set[str]
) -> Slice:
    """One slice, beside the AUC of the champion's of the same name."""
    name, auc = slice_name(each["slice"]), each.get("auc")
    champion = champions.get(name)
    low, high = map(scale, _interval(each)) if known(auc) else (0.0, 0.0)
    return Slice(
        name=name,
        group=", ".join(each["slice"]),
        rows=each["rows"],
        metrics=each,
        champion_auc=champion if known(champion) else None,
        small=not known(auc) or each["rows"] < min_rows,
        failed=name in failed,
        x=scale(auc) if known(auc) else None,
        x_low=low,
        x_high=high,
        x_champion=scale(champion) if known(champion) else None,
    )


def auc_error(auc: float, positives: float, negatives: float) -> float:
    """The standard error of an AUC (Hanley and McNeil, Radiology 143, 1982, formula 2)."""
    if positives < 1 or negatives < 1:
        return 0.0
    q1 = auc / (2 - auc)
    q2 = 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (positives - 1) * (q1 - auc**2) + (negatives - 1) * (q2 - auc**2)) / (
        positives * negatives
    )
    return math.sqrt(max(variance, 0.0))
