"""The metrics of each model by slice: counted here, measured by TFMA, None where they are not defined."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.evaluate.analysis import Metrics, SliceKey, slice_key
from components.evaluate.eval_config import CANDIDATE, CHAMPION, Defined
from components.evaluate.preaggregated import BUCKETS, PreaggregatedRows
from components.evaluate.slices import OVERALL, Columns, SliceBook
from configs.metrics import METRICS

COARSE_BINS = 500
LARGEST_RESOLUTION_ERROR = 5e-3
"""How far an AUC could be from that of the exact scores before finer bins are taken (in practice it is a
hundredth of it: within an interval, positives and negatives are mixed)."""

BySlice = Mapping[int, PreaggregatedRows]
"""The groups of each slice, by its number."""


def chosen_bins(models: Sequence[PreaggregatedRows], bins: int | None) -> int:
    """The same thresholds for every model: those of the settings, else as fine as the scores need."""
    if bins is not None:
        return bins
    overall = [groups.by_slice()[OVERALL].within(COARSE_BINS) for groups in models]
    coarse_is_enough = all(each.auc_resolution_error() <= LARGEST_RESOLUTION_ERROR for each in overall)
    return COARSE_BINS if coarse_is_enough else BUCKETS


def large_slices(slices: BySlice, book: SliceBook, min_rows: int) -> dict[SliceKey, PreaggregatedRows]:
    """The slices that are measured: the whole split, and those with enough rows."""
    return {
        slice_key(book.slices[number]): groups
        for number, groups in slices.items()
        if number == OVERALL or groups.counts["rows"] >= min_rows
    }


def where_defined(models: Mapping[str, BySlice], book: SliceBook, min_rows: int) -> Defined:
    """Where the metrics are defined: the candidate's on large slices, the champion's on the whole split."""
    candidate = models[CANDIDATE]
    defined = {
        number: candidate[number].defined_metrics if candidate[number].counts["rows"] >= min_rows else set()
        for number in book.ordered()
    }
    unjudged: dict[str, set[Columns]] = {
        name: {book.slices[number].columns for number, names in defined.items() if name not in names}
        for name in METRICS
    }
    judged = {
        name: [book.slices[number] for number, names in defined.items() if name in names] for name in METRICS
    }
    champion = models[CHAMPION][OVERALL].defined_metrics if CHAMPION in models else None
    return Defined(judged, unjudged, champion)


def contents(
    slices: BySlice, found: Mapping[SliceKey, Metrics], book: SliceBook, min_rows: int
) -> dict[str, Any]:
    """The counts and metrics of a model as in `metrics.json`: `overall` and `slices`.

    Args:
        slices: Its pre-aggregated rows.
        found: What TFMA measured.
        book: The slices that the numbers mean.
        min_rows: Slices with fewer rows are counted only.
    """

    def content(number: int) -> dict[str, Any]:
        groups = slices[number]
        measured = number == OVERALL or groups.counts["rows"] >= min_rows
        metrics = found[slice_key(book.slices[number])] if measured else {}
        defined = groups.defined_metrics
        values = {name: metrics.get(name) if name in defined else None for name in METRICS}
        return {"rows": groups.counts["rows"], "positives": groups.counts["positives"], **values}

    return {
        "overall": content(OVERALL),
        "slices": [{"slice": book.slices[number].named, **content(number)} for number in book.ordered()],
    }
