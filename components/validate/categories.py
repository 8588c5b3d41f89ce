"""The values of a column as texts, merged in any order: frequent ones, and how many, in bounded memory.

Both are exact up to `EXACT` distinct values. Beyond, of n rows, `Frequencies` counts at most
n / (EXACT + 1) too few of a value, never too many, and `Distinct` has a relative standard error of at most
1 / sqrt(EXACT), 0.2 %.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from components.validate.numbers import EXACT, Counts

Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Frequencies:
    """The frequent ones among texts: all while there are at most `exact`.

    Source: J. Misra and D. Gries, "Finding repeated elements", Science of Computer Programming 2 (1982),
    p. 143; merged as in P. K. Agarwal et al., "Mergeable summaries", ACM Transactions on Database Systems
    38 (2013), no. 26: the rows of the first value too many are taken off all.

    Args:
        pinned: Values that are always counted exactly.
        exact: The most values, without the pinned ones.
        values: The values, with their rows.
        rows: int64 [values].
        error: Each value that is not pinned may have so many rows more.
    """

    pinned: Collection[str] = ()
    exact: int = EXACT
    values: "pa.Array[Any]" = field(default_factory=lambda: pa.array([], pa.string()))
    rows: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    error: int = 0

    def add(self, values: "pa.Array[Any]", rows: Counts) -> "Frequencies":
        """This and distinct values more."""
        return self.merge(Frequencies(self.pinned, self.exact, values, rows))

    def merge(self, other: "Frequencies") -> "Frequencies":
        """Both."""
        values, rows = other.values, other.rows
        if len(self.rows):
            both = pa.Table.from_arrays(
                [pa.concat_arrays([self.values, values]), pa.array(np.concatenate((self.rows, rows)))],
                names=["value", "rows"],
            )
            added = both.group_by("value", use_threads=False).aggregate([("rows", "sum")])
            values, rows = added["value"].combine_chunks(), added["rows_sum"].to_numpy()
        cut, left = self._cut(values, rows)
        if cut:
            values, rows = values.filter(pa.array(left > 0)), left[left > 0]
        return Frequencies(self.pinned, self.exact, values, rows, self.error + other.error + cut)

    def _cut(self, values: "pa.Array[Any]", rows: Counts) -> tuple[int, Counts]:
        """What must be taken off the values that are not pinned, and the rows that are left of all."""
        if len(rows) <= self.exact:
            return 0, rows
        pinned = pc.is_in(values, pa.array(self.pinned, pa.string())).to_numpy(zero_copy_only=False)
        others = rows[~pinned]
        if len(others) <= self.exact:
            return 0, rows
        cut = int(np.partition(others, -self.exact - 1)[-self.exact - 1])
        return cut, np.where(pinned, rows, rows - cut)

    def top(self, count: int) -> list[tuple[str, int]]:
        """The most frequent values with their rows; of equally frequent ones, the first in code points."""
        if len(self.rows) > count:
            least = np.partition(self.rows, -count)[-count]
            some = self.rows >= least
            values, rows = self.values.filter(pa.array(some)), self.rows[some]
        else:
            values, rows = self.values, self.rows
        pairs: list[tuple[str, int]] = list(zip(map(str, values.to_pylist()), rows.tolist(), strict=True))
        return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[:count]


@dataclass(frozen=True)
class Distinct:
    """The number of distinct values: those with the `exact` smallest hashes are known, with all their rows.

    A value enters at its first row or never, so its rows are complete. Both estimates come from them: by
    how small the hashes are, and by how many rows a value has. The latter errs less where values have
    nearly the same number of rows: it is exact for a key.

    Source: K. Beyer et al., "On synopses for distinct-value estimation under multiset operations",
    SIGMOD 2007, p. 199.

    Args:
        exact: The most hashes.
        hashes: uint64 [hashes], ascending.
        rows: int64 [hashes].
        total: All rows.
        is_exact: No hash was left out.
    """

    exact: int = EXACT
    hashes: Hashes = field(default_factory=lambda: np.empty(0, np.uint64))
    rows: Counts = field(default_factory=lambda: np.empty(0, np.int64))
    total: int = 0
    is_exact: bool = True

    def add(self, hashes: Hashes, rows: Counts) -> "Distinct":
        """This and distinct values more."""
        return self.merge(Distinct(self.exact, hashes, rows, int(rows.sum())))

    def merge(self, other: "Distinct") -> "Distinct":
        """Both."""
        hashes, inverse = np.unique(np.concatenate((self.hashes, other.hashes)), return_inverse=True)
        rows = np.zeros(len(hashes), np.int64)
        np.add.at(rows, inverse, np.concatenate((self.rows, other.rows)))
        is_exact = self.is_exact and other.is_exact and len(hashes) <= self.exact
        total = self.total + other.total
        return Distinct(self.exact, hashes[: self.exact], rows[: self.exact], total, is_exact)

    @property
    def _variation(self) -> float:
        """The standard deviation of the rows of a value, as a share of their mean."""
        return float(self.rows.std() / self.rows.mean())

    @property
    def count(self) -> int:
        """How many there are, or about how many."""
        if self.is_exact:
            return len(self.hashes)
        if self._variation < 1:
            return round(self.total / float(self.rows.mean()))
        return round((self.exact - 1) / (float(self.hashes[-1]) / 2.0**64))

    @property
    def error(self) -> float:
        """The relative standard error of the count."""
        return 0.0 if self.is_exact else min(1.0, self._variation) / math.sqrt(self.exact)


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
