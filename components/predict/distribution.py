"""The distribution of the scores: counted as they are written, kept in the shards' footers, summed there.

The footers are read anyhow, to count the rows that lie there. Counters of Beam would be a hundred more, and
to read the scores again would be another pass over all of them.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.shared.rows.scoring import Floats

BINS = 100
"""Of equal width, from 0 to 1; the last one holds 1 itself."""
KEY = "scores"
"""In a shard's footer."""
_DIGITS = 6
"""What is told of a mean or an edge: sums of floats depend on their order further down."""


@dataclass(frozen=True)
class Scores:
    """Scores, counted."""

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
        """For a shard's footer."""
        return {KEY: json.dumps([self.counts, self.total, self.low, self.high])}

    def told(self) -> dict[str, Any]:
        """`counts` by bin, `mean`, `min` and `max`; nothing where there are no scores."""
        rows = sum(self.counts)
        if not rows:
            return {}
        edges = {"mean": self.total / rows, "min": self.low, "max": self.high}
        return {
            "counts": list(self.counts),
            **{name: round(value, _DIGITS) for name, value in edges.items()},
        }


NONE = Scores()


def counted(scores: Floats) -> Scores:
    """Some scores, [rows], each from 0 to 1."""
    if not len(scores):
        return NONE
    counts, _ = np.histogram(scores, BINS, (0.0, 1.0))
    return Scores(tuple(map(int, counts)), float(scores.sum()), float(scores.min()), float(scores.max()))


def of_footer(metadata: Mapping[bytes, bytes]) -> Scores:
    """What a shard's footer says."""
    counts, total, low, high = json.loads(metadata[KEY.encode()])
    return Scores(tuple(counts), total, low, high)


def summed(every: Iterable[Scores]) -> Scores:
    """All of them."""
    return sum(every, start=NONE)
