"""A sum of money from low to high that knows how old, and how well founded, the prices behind it are."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from configs.prices import Dated, Factor, Range


@dataclass(frozen=True)
class Cost:
    """USD, from the least to the most that is expected.

    Args:
        low: The least.
        high: The most.
        remembered: Of `high`, what stands on prices from memory.
        as_of: The day of the oldest price in it.
    """

    low: float
    high: float
    remembered: float = field(default=0.0, compare=False)
    as_of: datetime.date = field(default=datetime.date.max, compare=False)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.low + other.low,
            self.high + other.high,
            self.remembered + other.remembered,
            min(self.as_of, other.as_of),
        )

    def times(self, factor: Range | float) -> "Cost":
        """Both ends by both ends."""
        low, high = (factor.low, factor.high) if isinstance(factor, Range) else (factor, factor)
        return replace(self, low=self.low * low, high=self.high * high, remembered=self.remembered * high)

    def at(self, factor: Factor) -> "Cost":
        """The same by a factor that is itself listed, computed or from memory."""
        found = self.times(factor)
        remembered = found.high if factor.basis == "memory" else found.remembered
        return replace(found, remembered=remembered, as_of=min(self.as_of, factor.as_of))

    @property
    def share_remembered(self) -> float:
        """Of the high end, 0 to 1."""
        return self.remembered / self.high if self.high else 0.0


NOTHING = Cost(0.0, 0.0)


def priced(price: Dated, usd: float) -> Cost:
    """So much, as this price says; what costs nothing stands on no price."""
    if not usd:
        return NOTHING
    return Cost(usd, usd, usd if price.basis == "memory" else 0.0, price.as_of)


def total(costs: Iterable[Cost]) -> Cost:
    """The sum."""
    return sum(costs, start=NOTHING)
