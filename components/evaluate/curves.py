"""ROC, precision-recall and calibration as points to draw, from the groups of the whole split."""

from collections.abc import Sequence

import numpy as np

from components.evaluate.preaggregated import Floats, PreaggregatedRows

MOST_POINTS = 200
_CALIBRATION_POINTS = 20

Points = list[dict[str, float]]


def curves(groups: PreaggregatedRows) -> dict[str, Points]:
    """The curves of a model.

    Args:
        groups: Of the whole split, with rows of both labels.

    Returns:
        `roc` (fpr, tpr, threshold) and `pr` (recall, precision, threshold), from the highest
        threshold down, at most `MOST_POINTS` each: the rates where scores from the threshold on are
        positive. `calibration` (predicted, observed, rows) by about equal numbers of rows.
    """
    interval = -(groups.place * 2 + groups.flagged)
    _, where = np.unique(interval, return_inverse=True)
    threshold = np.full(where.max() + 1, np.inf)
    np.minimum.at(threshold, where, groups.score_min)
    true = np.cumsum(np.bincount(where, groups.positives))
    false = np.cumsum(np.bincount(where, groups.rows - groups.positives))
    tpr, fpr, precision = true / true[-1], false / false[-1], true / (true + false)
    start = {"fpr": 0.0, "tpr": 0.0, "threshold": 1.0}
    along_roc, along_pr = _evenly(tpr + fpr, MOST_POINTS - 1), _evenly(tpr, MOST_POINTS)
    return {
        "roc": [start, *_points(along_roc, fpr=fpr, tpr=tpr, threshold=threshold)],
        "pr": _points(along_pr, recall=tpr, precision=precision, threshold=threshold),
        "calibration": _calibration(groups),
    }


def confusion(groups: PreaggregatedRows) -> list[list[int]]:
    """The rows by true and predicted class at the operating threshold: [[TN, FP], [FN, TP]]."""
    flagged = groups.flagged
    negatives = groups.rows - groups.positives
    return [
        [int(counts[~flagged].sum()), int(counts[flagged].sum())] for counts in (negatives, groups.positives)
    ]


def _points(which: Sequence[int], **columns: Floats) -> Points:
    return [{name: float(values[i]) for name, values in columns.items()} for i in which]


def _evenly(along: Floats, most: int) -> list[int]:
    """The indices of at most `most` points, evenly along a growing quantity, the last one with them."""
    steps = np.linspace(along[0], along[-1], most)
    return sorted(set(np.minimum(np.searchsorted(along, steps), len(along) - 1).tolist()))


def _calibration(groups: PreaggregatedRows) -> Points:
    order = np.argsort(groups.score, kind="stable")
    rows = groups.rows[order]
    before = np.cumsum(rows) - rows / 2
    part = (before / rows.sum() * _CALIBRATION_POINTS).astype(np.int64)
    total = np.bincount(part, rows)
    some = np.flatnonzero(total)
    predicted = np.bincount(part, groups.score_sum[order])[some] / total[some]
    observed = np.bincount(part, groups.positives[order])[some] / total[some]
    points = _points(range(len(some)), predicted=predicted, observed=observed)
    return [{**point, "rows": int(count)} for point, count in zip(points, total[some], strict=True)]
