"""The model's inputs, and how they are written as examples."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, PositiveInt, model_validator

from configs.section import Section
from configs.values import Column, Fraction


class Numeric(Section):
    """A number. NULL, NaN and numbers beyond float32 are missing: they become the mean of the training split.

    A number that never varies in the training split is 0 everywhere: nothing can be learned from it.
    """

    transform: Literal["z_score", "log", "bucketize"] = "z_score"
    """z_score; log: sign(x)·log1p(|x|), then z_score; bucketize: the index of a quantile bucket, the last
    one for missing values."""
    buckets: Annotated[int, Field(ge=2, le=1000)] = 10
    """Quantile buckets, for `bucketize` and in crosses."""
    indicator: bool = True
    """Add a 0/1 input `<name>_missing`, 1 where the value is missing; only if the training split has one."""


class Categorical(Section):
    """A string (other types are cast). NULL is the empty string: `(missing)`, a category like the others."""

    transform: Literal["vocabulary", "hash"] = "vocabulary"
    top: PositiveInt = 1000
    """vocabulary: keep the most frequent values …"""
    min_count: PositiveInt = 1
    """… that occur at least this often in the training split; the others share the last index."""
    buckets: PositiveInt = 1000
    """hash: the number of buckets."""


class Cross(Section):
    """Two or more features as one: numbers enter by their bucket, strings as they are."""

    of: Annotated[tuple[Column, ...], Field(min_length=2)]
    buckets: PositiveInt = 1000


class Features(Section):
    """The model's inputs, by the names of the query's columns."""

    numeric: dict[Column, Numeric] = {}
    categorical: dict[Column, Categorical] = {}
    crosses: dict[Column, Cross] = {}

    @model_validator(mode="after")
    def _consistent(self) -> "Features":
        twice = set(self.numeric) & set(self.categorical)
        if twice:
            raise ValueError(f"{sorted(twice)} declared both numeric and categorical: keep one")
        if not self.columns:
            raise ValueError("no feature declared: name at least one numeric or categorical column")
        for name, cross in self.crosses.items():
            unknown = [column for column in cross.of if column not in self.columns]
            if unknown:
                raise ValueError(f"cross '{name}' uses {unknown}, declared neither numeric nor categorical")
            if name in self.columns:
                raise ValueError(f"cross '{name}' has the name of a column: choose another")
        for name, indicator in self.indicators.items():
            if indicator in (*self.columns, *self.crosses):
                raise ValueError(
                    f"'{indicator}' is the name of '{name}'s missing indicator too: rename it, "
                    f"or give '{name}' indicator: false"
                )
        return self

    @classmethod
    def raw(cls, numeric: Iterable[str], categorical: Iterable[str]) -> "Features":
        """A model's raw columns, as its model.json or its signature names them."""
        return cls(
            numeric={name: Numeric(indicator=False) for name in numeric},
            categorical={name: Categorical() for name in categorical},
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns, numeric first, in the order of declaration."""
        return (*self.numeric, *self.categorical)

    @property
    def indicators(self) -> dict[str, str]:
        """For each number, the name of the input that says whether it is missing."""
        return {
            name: f"{name}_missing"
            for name, entry in self.numeric.items()
            if entry.indicator and entry.transform != "bucketize"
        }


class Transform(Section):
    """How examples are written."""

    shard_rows: PositiveInt = 50_000
    """Rows of an output shard at most; also what one Beam worker takes at a time."""
    batch_rows: PositiveInt = 10_000
    """Rows held in memory at a time."""
    max_string_bytes: PositiveInt = 1_048_576
    """A longer string is rejected with its row."""
    max_rejected: Fraction = 0.01
    """A larger share of rejected rows in a split stops the run."""
