"""What an expression has become: SQL for DuckDB, and the GoogleSQL type of its value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.types import Type

LiteralKind = Literal["", "NULL", "INT64", "FLOAT64", "STRING", "[]"]


@dataclass(frozen=True)
class Value:
    """A value: `literal` says which kind of literal it is, for those become more than columns do."""

    sql: str
    type: Type
    literal: LiteralKind = ""
    constant: object = None
    """A literal's value; for a part of a date its `syntax.Part`."""
    total: bool = False
    """Whether computing it cannot fail."""
    aggregate: bool = False
    bound: float = math.inf
    """A number that no absolute value of it exceeds; math.inf where it may be infinite or NaN."""
    fast: str = ""
    """FLOAT64 arithmetic without a guard against overflow; `sql` has it."""
    slow: str = ""
    """The same, every step guarded."""

    def as_type(self, type_: Type) -> "Value":
        """The same SQL under another type."""
        return replace(self, type=type_)


NULL = Value("NULL", t.INT64, "NULL", total=True)


@dataclass(frozen=True)
class Column:
    """A column in view: its name as GoogleSQL sees it ("" where it has none) and its value."""

    name: str
    value: Value


@dataclass(frozen=True)
class RangeVariable:
    """What one entry of FROM brings into view."""

    alias: str
    columns: tuple[Column, ...]
    whole: Value | None = None
    """The element of an UNNEST, which the alias means; else the alias means the row as a STRUCT."""
    merged: frozenset[str] = frozenset()
    """Columns that USING has put before: seen by `alias.name` alone."""


@dataclass(frozen=True)
class OrderKey:
    """A column of a relation that says its order; floats have two, the first for NaN."""

    column: str
    descending: bool
    nulls_first: bool

    @property
    def sql(self) -> str:
        """As ORDER BY has it."""
        way = "DESC" if self.descending else "ASC"
        return f"{self.column} {way} NULLS {'FIRST' if self.nulls_first else 'LAST'}"


@dataclass(frozen=True)
class Relation:
    """A query's result: SQL whose columns are c0, c1 …, and hidden ones that order it."""

    sql: str
    names: tuple[str, ...]
    types: tuple[Type, ...]
    order: tuple[OrderKey, ...] = ()
    value_table: bool = False
    """SELECT AS STRUCT or AS VALUE: its one column is the row."""
    literals: tuple[LiteralKind, ...] = ()
    """Which columns are nothing but NULL, and so become any type."""

    def __post_init__(self) -> None:
        if not self.literals:
            object.__setattr__(self, "literals", ("",) * len(self.types))

    def columns(self, alias: str) -> tuple[Column, ...]:
        """Its columns under a table's alias."""
        return tuple(
            Column(name, Value(f"{alias}.c{place}", type_, total=True))
            for place, (name, type_) in enumerate(zip(self.names, self.types, strict=True))
        )


@dataclass
class Scope:
    """What names mean at a place of the query."""

    variables: list[RangeVariable] = field(default_factory=list)
    merged: list[Column] = field(default_factory=list)
    """Columns of USING: one for both sides."""
    parent: "Scope | None" = None
    aliases: Mapping[str, Value] = field(default_factory=dict)
    """Names of the SELECT's columns where they may be used, in lower case."""
    aliases_first: bool = False
    grouping: object = None
    """The `Grouping` of a query with aggregates, behind its GROUP BY."""
    windows: Mapping[str, object] = field(default_factory=dict)
    allows_windows: bool = False
    clause: str = ""
    """For messages: WHERE, GROUP BY …."""
