"""The distribution of the scores: counted as they are written, and added up from the shards' footers.

The footers are read in any case, to count the rows that were written; to read the scores again would be
another pass over all of them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.shared.rows.scoring import Floats

BINS = 100
"""Of equal width, from 0 to 1; the last one holds 1 itself."""
KEY = "scores"
"""Its key in a shard's footer."""
_DIGITS = 6
"""Digits of a mean or an edge that are reported: further down, sums of floats depend on their order."""


@dataclass(frozen=True)
class Scores:
    """The distribution of some scores. Distributions add up by `+`."""

    counts: tuple[int, ...] = (0,) * BINS
    total: float = 0.0
    """Their sum."""
    low: float = 1.0
    high: float = 0.0

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(
            tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            self.total + other.total,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def footer(self) -> dict[str, str]:
        """The distribution as an entry of a shard's footer."""
        return {KEY: json.dumps([self.counts, self.total, self.low, self.high])}

    def content(self) -> dict[str, Any]:
        """For predictions.json: `counts` by bin, `mean`, `min`, `max`; empty where there are no scores."""
        rows = sum(self.counts)
        if not rows:
            return {}
        edges = {"mean": self.total / rows, "min": self.low, "max": self.high}
        return {"counts": [*self.counts], **{name: round(value, _DIGITS) for name, value in edges.items()}}


NO_SCORES = Scores()


def count_scores(scores: Floats) -> Scores:
    """The distribution of scores, [rows], each from 0 to 1."""
    counts, _ = np.histogram(scores, BINS, (0.0, 1.0))
    low, high = scores.min(initial=NO_SCORES.low), scores.max(initial=NO_SCORES.high)
    return Scores(tuple(map(int, counts)), float(scores.sum()), float(low), float(high))


def parse_footer(metadata: Mapping[bytes, bytes]) -> Scores:
    """The distribution in a shard's footer."""
    counts, total, low, high = json.loads(metadata[KEY.encode()])
    return Scores(tuple(counts), total, low, high)
