"""Pre-aggregated rows: those of like score counted together, so that the cost does not grow with them.

AUC, PR-AUC, precision and recall depend only on how many rows of each label fall into each interval
of scores; TFMA puts a score into one of 10,000 buckets and the buckets between its thresholds
(`calibration_histogram`, `binary_confusion_matrices`). Rows that share the interval and the side of
the operating threshold are therefore one group: its count is its weight, its mean label goes to
both classes by its parts (`_yield_fractional_labels`), and its mean score, which keeps the
calibration exact, lies between the group's scores and so falls into the same interval. The loss is
summed as well. `tests/unit/evaluate/test_evaluate_preaggregated.py` proves the equality.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from components.evaluate.slices import OVERALL, Ids
from configs.metrics import METRICS

Floats = NDArray[np.float64]

BUCKETS = 10_000
"""Of TFMA's histogram over [0, 1]; two more hold what lies outside."""
_PLACES = BUCKETS + 2
COARSE_BINS = 500
LARGEST_RESOLUTION_ERROR = 5e-3
"""How far an AUC could be from that of the exact scores before finer bins are taken (in practice it is a
hundredth of it: within an interval, positives and negatives are mixed)."""
_EPSILON = 1e-7
"""TFMA moves its thresholds by this much (`binary_confusion_matrices._EPSILON`)."""
_LEAST_PROBABILITY = float(np.finfo(np.float32).eps)
"""A saturated float32 score of 0 or 1 would make the loss infinite: it is cut here, as scikit-learn does."""


class PreaggregatedRows(NamedTuple):
    """Groups of rows, each array [groups], in the order of slice, side and place.

    `place` is TFMA's bucket, or the interval between two thresholds once `within` is applied.
    """

    key: Ids
    rows: Ids
    positives: Ids
    score_sum: Floats
    score_min: Floats
    score_max: Floats
    loss_sum: Floats

    @classmethod
    def of(cls, scores: Floats, labels: Ids, slice_numbers: Iterable[Ids], threshold: float) -> Self:
        """Count rows by slice, side of the threshold and bucket.

        Args:
            scores: Probabilities [rows].
            labels: 0 or 1 [rows].
            slice_numbers: For each slicing, the number of every row's slice [rows].
            threshold: A score at or above it is a positive prediction.
        """
        place = (scores >= threshold) * _PLACES + _bucket(scores)
        loss, ones = log_losses(scores, labels), np.ones_like(labels)
        return cls.merged(
            cls(numbers * 2 * _PLACES + place, ones, labels, scores, scores, scores, loss).summed()
            for numbers in slice_numbers
        )

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """The groups of all parts together."""
        columns: list[Any] = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return cls(*columns).summed()

    @property
    def slice_number(self) -> Ids:
        """The number of the slice."""
        return self.key // (2 * _PLACES)

    @property
    def label(self) -> Floats:
        """The mean label."""
        return self.positives / self.rows

    @property
    def flagged(self) -> NDArray[np.bool_]:
        """Predicted positive: the score is at or above the operating threshold."""
        return np.asarray(self.key // _PLACES % 2, dtype=np.bool_)

    @property
    def place(self) -> Ids:
        """The bucket or interval of the score."""
        return self.key % _PLACES

    @property
    def score(self) -> Floats:
        """The mean score; rounding cannot move it out of the group."""
        return np.clip(self.score_sum / self.rows, self.score_min, self.score_max)

    @property
    def counts(self) -> dict[str, int]:
        """All rows, those of each label and those predicted positive, as `Metric.needs` names them."""
        rows, positives = int(self.rows.sum()), int(self.positives.sum())
        flagged = int(self.rows[self.flagged].sum())
        return {"rows": rows, "positives": positives, "negatives": rows - positives, "flagged": flagged}

    @property
    def defined_metrics(self) -> set[str]:
        """The metrics that these rows define: TFMA gives an AUC of 0 to rows of a single label."""
        counts = self.counts
        return {name for name, metric in METRICS.items() if all(counts[need] for need in metric.needs)}

    def by_slice(self) -> Mapping[int, Self]:
        """The groups of each slice, by its number."""
        numbers = self.slice_number
        starts = _starts(numbers)
        ends = [*starts[1:], len(numbers)]
        return {
            int(numbers[start]): self.take(slice(start, end)) for start, end in zip(starts, ends, strict=True)
        }

    def renumbered(self, numbers: Ids) -> Self:
        """The same groups with other numbers for their slices, by their numbers so far."""
        within_slice = self.key % (2 * _PLACES)
        return self._replace(key=numbers[self.slice_number] * 2 * _PLACES + within_slice)

    def take(self, which: slice | Ids) -> Self:
        """Some of the groups."""
        columns: list[Any] = [column[which] for column in self]
        return type(self)(*columns)

    def within(self, bins: int) -> Self:
        """The same rows by the intervals between `bins` thresholds, instead of by bucket."""
        return self._replace(key=self.key - self.place + _intervals(bins)[self.place]).summed()

    def auc_resolution_error(self) -> float:
        """How far the AUC of a split can be from that of the exact scores.

        Pairs of a positive and a negative row in one group are counted as ties, half won; in truth the
        share won lies between none and all.
        """
        positive = np.bincount(self.place, self.positives)
        negative = np.bincount(self.place, self.rows - self.positives)
        pairs = positive.sum() * negative.sum()
        return float(0.5 * (positive * negative).sum() / pairs) if pairs else 0.0

    def summed(self) -> Self:
        """Groups of equal key made one."""
        ordered = self.take(np.argsort(self.key, kind="stable"))
        starts = _starts(ordered.key)
        return type(self)(
            ordered.key[starts],
            np.add.reduceat(ordered.rows, starts),
            np.add.reduceat(ordered.positives, starts),
            np.add.reduceat(ordered.score_sum, starts),
            np.minimum.reduceat(ordered.score_min, starts),
            np.maximum.reduceat(ordered.score_max, starts),
            np.add.reduceat(ordered.loss_sum, starts),
        )


BySlice = Mapping[int, PreaggregatedRows]
"""The groups of each slice, by its number."""


def chosen_bins(models: Sequence[PreaggregatedRows], bins: int | None) -> int:
    """The same thresholds for every model: those of the settings, else as fine as the scores need."""
    if bins is not None:
        return bins
    overall = [groups.by_slice()[OVERALL].within(COARSE_BINS) for groups in models]
    coarse_is_enough = all(each.auc_resolution_error() <= LARGEST_RESOLUTION_ERROR for each in overall)
    return COARSE_BINS if coarse_is_enough else BUCKETS


def log_losses(scores: Floats, labels: Ids) -> Floats:
    """The log loss of each row; TFMA's own `BinaryCrossEntropy` is infinite where a score is 0 or 1."""
    likelihood = np.where(labels == 1, scores, 1.0 - scores)
    return np.asarray(-np.log(np.clip(likelihood, _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY)))


def _starts(sorted_values: Ids) -> Ids:
    """Where a new value begins."""
    return np.flatnonzero(np.r_[True, sorted_values[1:] != sorted_values[:-1]])


def _bucket(scores: Floats) -> Ids:
    """TFMA's bucket of a score in [0, 1] (`_CalibrationHistogramCombiner._bucket_index`)."""
    return np.minimum(scores * BUCKETS + 1, BUCKETS + 1).astype(np.int64)


def _intervals(bins: int) -> Ids:
    """The interval of every bucket, as TFMA's `rebin` finds it: by the bucket's lower end."""
    inner = np.arange(1, bins - 1) / (bins - 1) + _EPSILON
    thresholds: Floats = np.r_[0.0, inner, 1.0 + 2 * _EPSILON]
    lower_ends = np.r_[-np.inf, np.arange(BUCKETS) / BUCKETS, np.inf]
    below = np.searchsorted(thresholds, lower_ends, side="right")
    return np.maximum(np.asarray(below, dtype=np.int64) - 1, 0)
