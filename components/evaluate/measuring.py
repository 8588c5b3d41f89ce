"""The metrics of a model by slice: counted here, measured by TFMA, None where they are not defined."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.evaluate.analysis import Measure, Metrics, analyze, slice_key
from components.evaluate.grouping import BUCKETS, Groups, blur, within
from components.evaluate.slices import OVERALL, SliceBook
from configs.metrics import METRICS
from configs.places import Beam

COARSE_BINS = 500
MOST_BLUR = 5e-3
"""How far an AUC could be from that of the exact scores before finer bins are taken (in practice it is a
hundredth of it: within an interval, positives and negatives are mixed)."""

BySlice = Mapping[int, Groups]
"""The groups of each slice, by its number."""


def by_slice(groups: Groups) -> BySlice:
    """The groups apart."""
    return dict(groups.by_slice())


def chosen_bins(models: Sequence[Groups], bins: int | None) -> int:
    """The same thresholds for every model: those of the settings, else as fine as the scores need."""
    if bins is not None:
        return bins
    overall = [by_slice(groups)[OVERALL] for groups in models]
    coarse_is_enough = all(blur(within(groups, COARSE_BINS)) <= MOST_BLUR for groups in overall)
    return COARSE_BINS if coarse_is_enough else BUCKETS


def measured(
    models: Mapping[Path, BySlice], book: SliceBook, measure: Measure, min_rows: int, options: Beam
) -> list[dict[str, Any]]:
    """The metrics of each model over the whole split and over each slice, as in `metrics.json`.

    Args:
        models: For each folder that TFMA's results go to, the groups by slice.
        book: What the slices' numbers mean.
        measure: Thresholds.
        min_rows: Slices with fewer rows are counted only.
        options: Beam's.

    Returns:
        For each model `overall` and `slices`, in the order of `models`.
    """
    keys = {number: slice_key(each) for number, each in enumerate(book.slices)}
    large = {
        folder: {
            keys[number]: groups
            for number, groups in slices.items()
            if number == OVERALL or groups.rows.sum() >= min_rows
        }
        for folder, slices in models.items()
    }
    found = analyze(large, measure, options)
    return [
        {
            "overall": _content(slices[OVERALL], found[folder][keys[OVERALL]]),
            "slices": [
                {
                    "slice": book.slices[number].named,
                    **_content(slices[number], found[folder].get(keys[number], {})),
                }
                for number in book.ordered()
            ],
        }
        for folder, slices in models.items()
    ]


def _content(groups: Groups, metrics: Metrics) -> dict[str, Any]:
    """Counts and metrics; TFMA gives an AUC of 0 to rows of a single label, where there is none."""
    rows = int(groups.rows.sum())
    positives = int(groups.positives.sum())
    flagged = int(groups.rows[groups.flagged].sum())
    there = {"positives": positives, "negatives": rows - positives, "flagged": flagged}
    defined = {name for name, metric in METRICS.items() if all(there[need] for need in metric.needs)}
    values = {name: metrics.get(name) if name in defined else None for name in METRICS}
    return {"rows": rows, "positives": positives, **values}
