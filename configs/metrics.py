"""Every metric of a model, in one table that gates, analysis, report and command line read.

A new metric is one entry: gates may name it, TFMA computes it, tables show it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Better = Literal["higher", "lower", "closest to 1"]
Judgment = Literal["better", "worse", "same"]

EQUAL = 1e-9
"""Values that differ by less are equal: 0.705 - 0.005 is 0.70000000000000007."""


@dataclass(frozen=True)
class Metric:
    """What is measured, where better lies, and how TFMA computes it.

    Args:
        name: As in the settings and in `metrics.json`.
        title: For readers, within a sentence.
        better: Where better lies.
        tfma: The class that computes it: TFMA's own, or one of `module`. It must depend on labels and scores
            by sums and confusion matrices alone, so that pre-aggregated rows give the same value.
        needs: The rows without which it is not defined: of label 1, of label 0, predicted positive.
        thresholds: Over all score thresholds (`curve`), at the operating one, or without any.
        hint: What a reader should know of it.
        module: Where `tfma` is defined, if not in TFMA.
    """

    name: str
    title: str
    better: Better
    tfma: str
    needs: frozenset[Literal["positives", "negatives", "flagged"]] = frozenset()
    thresholds: Literal["curve", "operating"] | None = None
    hint: str = ""
    module: str = ""

    @property
    def heading(self) -> str:
        """The title as a heading."""
        return self.title[:1].upper() + self.title[1:]

    def distance(self, value: float) -> float:
        """How far a value is from the ideal: larger is worse, in the metric's own unit.

        Of metrics without a finite ideal only differences count: a higher-is-better value is negated.
        """
        if self.better == "closest to 1":
            return abs(value - 1.0)
        return value if self.better == "lower" else -value

    def limit(self, floor: float) -> float:
        """The largest distance that a floor allows: the floor is a value, or a distance from 1."""
        return -floor if self.better == "higher" else floor

    def reaches(self, value: float, floor: float) -> bool:
        """Whether a value is no worse than a floor."""
        return self.distance(value) <= self.limit(floor) + EQUAL

    def regression(self, value: float, before: float) -> float:
        """By how much a value is worse than another one; negative: better."""
        return self.distance(value) - self.distance(before)

    def judge(self, value: float, before: float, equal: float = EQUAL) -> Judgment:
        """Whether a value is better than another one; differences up to `equal` do not count."""
        worse = self.regression(value, before)
        if math.isnan(worse) or abs(worse) <= equal:
            return "same"
        return "worse" if worse > 0 else "better"

    @property
    def direction(self) -> str:
        """Where better lies, in words."""
        return "1 is perfect" if self.better == "closest to 1" else f"{self.better} is better"


_BOTH: frozenset[Literal["positives", "negatives", "flagged"]] = frozenset({"positives", "negatives"})
_POSITIVES: frozenset[Literal["positives", "negatives", "flagged"]] = frozenset({"positives"})

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("auc", "AUC", "higher", "AUC", _BOTH, "curve"),
        Metric("pr_auc", "PR-AUC", "higher", "AUCPrecisionRecall", _POSITIVES, "curve"),
        Metric("log_loss", "log loss", "lower", "LogLoss", module="components.evaluate.tfma_metrics"),
        Metric(
            "calibration", "calibration", "closest to 1", "Calibration", _POSITIVES,
            hint="mean score over share of positives",
        ),
        Metric("precision", "precision", "higher", "Precision", frozenset({"flagged"}), "operating"),
        Metric("recall", "recall", "higher", "Recall", _POSITIVES, "operating"),
    )
}  # fmt: skip
"""By name, in the order of every table."""


def known_metric(name: str) -> str:
    """The name of a metric in the table.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in METRICS:
        raise ValueError(f"one of {', '.join(METRICS)}")
    return name


def slice_name(slice_: Mapping[str, Any] | None) -> str:
    """`carrier=UA, origin=EWR`; empty for the whole split."""
    return ", ".join(f"{column}={value}" for column, value in (slice_ or {}).items())
