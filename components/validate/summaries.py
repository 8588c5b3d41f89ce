"""What is known of a column of a split, in bounded memory: of some shards each, merged into that of all.

Counts, minimum, maximum, mean and deviation are exact, whatever the order: floats are added as whole
numbers. What is not, beyond `EXACT` distinct values, is in `quantiles` and `frequencies`.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.validate.columns import FLOAT32_MAX
from components.validate.frequencies import Distinct, Frequencies, Hashes
from components.validate.quantiles import Counts, Floats, Points, Quantiles

Range = tuple[float, float]
"""Limits, both inclusive."""

_LIMB = 18
"""Bits of a mantissa that are added at a time: 2^35 rows of them fit a float without rounding."""
_LIMBS = 3
_MANTISSA = 53
_SCALE = 1126
"""Exact sums are whole multiples of 2^-1126: what the last bit of the smallest float is worth, and less."""
_SPLIT = 134_217_729.0
"""2^27 + 1: cuts a float into two of 26 bits."""


def exact_sum(values: Floats, rows: Counts) -> int:
    """The sum of finite values, each as often as its rows, as a multiple of 2^-1126: not rounded anywhere.

    Args:
        values: float64 [n].
        rows: int64 [n], together below 2^35.
    """
    if not len(values):
        return 0
    mantissas, exponents = np.frexp(values)
    whole = np.ldexp(mantissas, _MANTISSA).astype(np.int64)
    low = int(exponents.min())
    total = 0
    for limb in range(_LIMBS):
        part = whole >> (_LIMB * limb)
        if limb < _LIMBS - 1:
            part &= (1 << _LIMB) - 1
        sums = np.bincount(exponents - low, weights=part * rows.astype(np.float64))
        shift = _SCALE - _MANTISSA + low + _LIMB * limb
        total += sum(int(sums[at]) << (shift + int(at)) for at in np.flatnonzero(sums))
    return total


def exact_sum_of_squares(values: Floats, rows: Counts) -> int:
    """The same of the squares, of values that float32 can hold.

    Each square is the sum of two floats. Source: T. J. Dekker, "A floating-point technique for extending
    the available precision", Numerische Mathematik 18 (1971), p. 224.
    """
    squares = values * values
    scaled = values * _SPLIT
    high = scaled - (scaled - values)
    low = values - high
    rests = ((high * high - squares) + 2 * high * low) + low * low
    return exact_sum(squares, rows) + exact_sum(rests, rows)


@dataclass(frozen=True)
class Numbers:
    """The numbers of a column.

    Args:
        nan: Rows with NaN.
        infinite: Rows beyond float32.
        zeros: Rows with 0.
        outside: Rows beyond the column's range.
        low: The smallest finite value.
        high: The largest finite value.
        total: The sum of the finite values, as a multiple of 2^-1126.
        squares: The sum of their squares, likewise.
        finite: Their distribution.
    """

    nan: int = 0
    infinite: int = 0
    zeros: int = 0
    outside: int = 0
    low: float = math.inf
    high: float = -math.inf
    total: int = 0
    squares: int = 0
    finite: Quantiles = field(default_factory=Quantiles)

    @classmethod
    def of(cls, values: Floats, rows: Counts, limits: Range | None) -> "Numbers":
        """Distinct values with their rows; `outside` counts those beyond the limits."""
        nan, infinite = np.isnan(values), np.abs(values) > FLOAT32_MAX
        finite = ~(nan | infinite)
        known, counted = values[finite], rows[finite]
        low, high = limits or (-math.inf, math.inf)
        return cls(
            nan=int(rows[nan].sum()),
            infinite=int(rows[infinite].sum()),
            zeros=int(counted[known == 0].sum()),
            outside=int(counted[(known < low) | (known > high)].sum()),
            low=float(known.min(initial=math.inf)),
            high=float(known.max(initial=-math.inf)),
            total=exact_sum(known, counted),
            squares=exact_sum_of_squares(known, counted),
            finite=Quantiles().add(Points.of(known, counted)),
        )

    def merge(self, other: "Numbers") -> "Numbers":
        """Both."""
        return Numbers(
            self.nan + other.nan,
            self.infinite + other.infinite,
            self.zeros + other.zeros,
            self.outside + other.outside,
            min(self.low, other.low),
            max(self.high, other.high),
            self.total + other.total,
            self.squares + other.squares,
            self.finite.merge(other.finite),
        )

    def mean(self, count: int) -> float:
        """The mean of `count` finite values, rounded once."""
        return self.total / (count << _SCALE)

    def deviation(self, count: int) -> float:
        """Their standard deviation (of the population)."""
        scaled = (count * self.squares << _SCALE) - self.total**2
        return math.sqrt(max(scaled, 0) / (count**2 << 2 * _SCALE))


@dataclass(frozen=True)
class Categories:
    """The values of a column as texts.

    Args:
        frequent: The frequent ones, with their rows.
        distinct: The number of different ones.
        empty: Rows with the empty string.
        characters: The characters of all rows.
    """

    frequent: Frequencies
    distinct: Distinct = field(default_factory=Distinct)
    empty: int = 0
    characters: int = 0

    @classmethod
    def of(cls, table: pa.Table, domain: Collection[str]) -> "Categories":
        """Distinct values (`value`, `hash`, `length`) with their `rows`; those of the domain stay exact."""
        value, rows = table["value"].combine_chunks().cast(pa.string()), table["rows"].to_numpy()
        hashes: Hashes = table["hash"].to_numpy()
        return cls(
            Frequencies(domain).add(value, rows),
            Distinct().add(hashes, rows),
            int(rows[pc.equal(value, pa.scalar("")).to_numpy(zero_copy_only=False)].sum()),
            int((table["length"].to_numpy() * rows).sum()),
        )

    def merge(self, other: "Categories") -> "Categories":
        """Both."""
        return Categories(
            self.frequent.merge(other.frequent),
            self.distinct.merge(other.distinct),
            self.empty + other.empty,
            self.characters + other.characters,
        )


@dataclass(frozen=True)
class Summary:
    """A column of a split: its rows that are not NULL, and what is known of them."""

    present: int = 0
    numbers: Numbers | None = None
    categories: Categories | None = None

    def merge(self, other: "Summary") -> "Summary":
        """Both; they are of the same column."""
        return Summary(
            self.present + other.present,
            self.numbers and other.numbers and self.numbers.merge(other.numbers),
            self.categories and other.categories and self.categories.merge(other.categories),
        )
