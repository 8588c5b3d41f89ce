"""GoogleSQL's trees: what the parser makes of a text, before anything is known of tables and types.

Every node says at which character of the text it begins (`at`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal as OneOf


@dataclass(frozen=True, kw_only=True)
class Node:
    """A part of the text."""

    at: int = field(compare=False)


# --- expressions ---


@dataclass(frozen=True)
class Constant(Node):
    """A literal: INT64, FLOAT64, STRING, BYTES, BOOL, NULL, or `DATE '2024-01-01'` and its like."""

    type: str
    value: str | bytes | bool | None


@dataclass(frozen=True)
class Parameter(Node):
    """`@name`."""

    name: str


@dataclass(frozen=True)
class Name(Node):
    """A column, a table's alias, or a path of fields below one."""

    parts: tuple[str, ...]


@dataclass(frozen=True)
class Star(Node):
    """`*` or `x.*`, with EXCEPT and REPLACE."""

    of: "Expr | None" = None
    without: tuple[str, ...] = ()
    replaced: tuple["Item", ...] = ()


@dataclass(frozen=True)
class Window(Node):
    """OVER (…): a window's name to begin with, keys, order and frame."""

    name: str = ""
    partition: tuple["Expr", ...] = ()
    order: tuple["Key", ...] = ()
    frame: "Frame | None" = None


@dataclass(frozen=True)
class Bound(Node):
    """A frame's edge; `rows` says how far for PRECEDING and FOLLOWING, None for UNBOUNDED."""

    kind: OneOf["PRECEDING", "FOLLOWING", "CURRENT ROW"]
    distance: "Expr | None" = None


@dataclass(frozen=True)
class Frame(Node):
    """ROWS or RANGE between two bounds."""

    unit: OneOf["ROWS", "RANGE"]
    start: Bound
    end: Bound


@dataclass(frozen=True)
class Call(Node):
    """A function called by name, in upper case, with everything that may stand in its parentheses."""

    name: str
    arguments: tuple["Expr", ...]
    named: tuple[tuple[str, "Expr"], ...] = ()
    safe: bool = False
    distinct: bool = False
    nulls: OneOf["", "IGNORE", "RESPECT"] = ""
    having: tuple[str, "Expr"] | None = None
    order: tuple["Key", ...] = ()
    limit: "Expr | None" = None
    over: Window | None = None


@dataclass(frozen=True)
class Cast(Node):
    """CAST or SAFE_CAST, with FORMAT and AT TIME ZONE."""

    value: "Expr"
    type: "TypeName"
    safe: bool = False
    format: "Expr | None" = None
    zone: "Expr | None" = None


@dataclass(frozen=True)
class Part(Node):
    """A part of a date: DAY, ISOWEEK, WEEK(MONDAY)."""

    name: str
    weekday: str = ""


@dataclass(frozen=True)
class Extract(Node):
    """EXTRACT(part FROM value [AT TIME ZONE zone])."""

    part: Part
    value: "Expr"
    zone: "Expr | None" = None


@dataclass(frozen=True)
class Interval(Node):
    """INTERVAL value part [TO part]."""

    value: "Expr"
    part: Part
    to: Part | None = None


@dataclass(frozen=True)
class Unary(Node):
    """NOT, -, + or ~ before a value."""

    operator: str
    value: "Expr"


@dataclass(frozen=True)
class Binary(Node):
    """Two values and an operator between them: arithmetic, comparison, AND, OR, LIKE, ||."""

    operator: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True)
class Is(Node):
    """IS [NOT] NULL, TRUE, FALSE, UNKNOWN; or IS [NOT] DISTINCT FROM another value."""

    value: "Expr"
    what: str
    negated: bool
    other: "Expr | None" = None


@dataclass(frozen=True)
class Between(Node):
    """[NOT] BETWEEN low AND high."""

    value: "Expr"
    low: "Expr"
    high: "Expr"
    negated: bool


@dataclass(frozen=True)
class In(Node):
    """[NOT] IN: a list, UNNEST(array) or a subquery."""

    value: "Expr"
    items: tuple["Expr", ...]
    negated: bool
    array: "Expr | None" = None
    query: "Query | None" = None


@dataclass(frozen=True)
class Quantified(Node):
    """[NOT] LIKE ANY, SOME or ALL of a list or an array."""

    value: "Expr"
    quantifier: OneOf["ANY", "ALL"]
    items: tuple["Expr", ...]
    negated: bool
    array: "Expr | None" = None


@dataclass(frozen=True)
class Case(Node):
    """CASE [value] WHEN … THEN … ELSE … END."""

    value: "Expr | None"
    whens: tuple[tuple["Expr", "Expr"], ...]
    otherwise: "Expr | None"


@dataclass(frozen=True)
class ArrayOf(Node):
    """[a, b] or ARRAY<T>[a, b]."""

    items: tuple["Expr", ...]
    type: "TypeName | None" = None


@dataclass(frozen=True)
class StructOf(Node):
    """STRUCT(a AS x, b), STRUCT<…>(…) or (a, b)."""

    items: tuple["Item", ...]
    type: "TypeName | None" = None


@dataclass(frozen=True)
class Element(Node):
    """array[OFFSET(i)] and its like; `how` is "" for JSON's and structs' plain brackets."""

    value: "Expr"
    how: OneOf["", "OFFSET", "ORDINAL", "SAFE_OFFSET", "SAFE_ORDINAL"]
    index: "Expr"


@dataclass(frozen=True)
class Member(Node):
    """value.field, where value is no plain name."""

    value: "Expr"
    name: str


@dataclass(frozen=True)
class Subquery(Node):
    """(SELECT …), ARRAY(SELECT …) or EXISTS(SELECT …)."""

    kind: OneOf["scalar", "ARRAY", "EXISTS"]
    query: "Query"


Expr = (
    Constant
    | Parameter
    | Name
    | Star
    | Call
    | Cast
    | Extract
    | Interval
    | Unary
    | Binary
    | Is
    | Between
    | In
    | Quantified
    | Case
    | ArrayOf
    | StructOf
    | Element
    | Member
    | Subquery
    | Part
)


@dataclass(frozen=True)
class TypeName(Node):
    """A type as it is written: INT64, ARRAY<…>, STRUCT<…>, NUMERIC(10, 2)."""

    name: str
    of: tuple["TypeName", ...] = ()
    names: tuple[str, ...] = ()
    """Of a STRUCT's fields; "" where one has none."""
    sizes: tuple[int, ...] = ()


# --- queries ---


@dataclass(frozen=True)
class Item(Node):
    """A column of a SELECT: a value and perhaps its name."""

    value: Expr
    alias: str = ""


@dataclass(frozen=True)
class Key(Node):
    """A key of ORDER BY."""

    value: Expr
    descending: bool = False
    nulls: OneOf["", "FIRST", "LAST"] = ""


@dataclass(frozen=True)
class Table(Node):
    """A table by its name, from the text's `at` to before `end`."""

    path: tuple[str, ...]
    end: int
    alias: str = ""
    single: bool = False
    """The whole path stands in one pair of backticks."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path[-1]

    @property
    def dataset(self) -> str:
        """The part before the name; "" where there is none."""
        return self.path[-2] if len(self.path) > 1 else ""

    @property
    def project(self) -> str:
        """What stands before the dataset; "" where there is nothing."""
        return ".".join(self.path[:-2])


@dataclass(frozen=True)
class Derived(Node):
    """(SELECT …) in FROM."""

    query: "Query"
    alias: str = ""


@dataclass(frozen=True)
class Unnest(Node):
    """UNNEST(array) [AS alias] [WITH OFFSET [AS offset]]."""

    array: Expr
    alias: str = ""
    offset: str | None = None


@dataclass(frozen=True)
class Join(Node):
    """Two sides; `kind` is INNER, LEFT, RIGHT, FULL, CROSS or COMMA."""

    kind: str
    left: "Source"
    right: "Source"
    on: Expr | None = None
    using: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pivot(Node):
    """PIVOT(aggregates FOR value IN (…))."""

    source: "Source"
    aggregates: tuple[Item, ...]
    value: Expr
    among: tuple[Item, ...]
    alias: str = ""


@dataclass(frozen=True)
class Unpivot(Node):
    """UNPIVOT(value FOR name IN (…)); each entry has its columns and perhaps a label."""

    source: "Source"
    values: tuple[str, ...]
    name: str
    among: tuple[tuple[tuple[str, ...], Expr | None], ...]
    include_nulls: bool
    alias: str = ""


Source = Table | Derived | Unnest | Join | Pivot | Unpivot


@dataclass(frozen=True)
class GroupBy(Node):
    """GROUP BY: keys, ALL, or one of ROLLUP, CUBE, GROUPING SETS over keys."""

    keys: tuple[Expr, ...]
    everything: bool = False
    kind: OneOf["", "ROLLUP", "CUBE", "GROUPING SETS"] = ""
    sets: tuple[tuple[Expr, ...], ...] = ()


@dataclass(frozen=True)
class Select(Node):
    """SELECT … FROM … WHERE … GROUP BY … HAVING … QUALIFY … WINDOW."""

    items: tuple[Item, ...]
    distinct: bool = False
    as_kind: OneOf["", "STRUCT", "VALUE"] = ""
    source: Source | None = None
    where: Expr | None = None
    group: GroupBy | None = None
    having: Expr | None = None
    qualify: Expr | None = None
    windows: tuple[tuple[str, Window], ...] = ()


@dataclass(frozen=True)
class SetOperation(Node):
    """Queries one after the other by UNION ALL and its like."""

    operator: str
    left: "Query"
    right: "Query"


@dataclass(frozen=True)
class From(Node):
    """FROM alone: where a query by pipes begins."""

    source: Source


@dataclass(frozen=True)
class Pipe(Node):
    """One `|>` and what stands behind it."""

    operator: str
    items: tuple[Item, ...] = ()
    where: Expr | None = None
    group: GroupBy | None = None
    ordered: bool = False
    """GROUP AND ORDER BY."""
    order: tuple[Key, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    names: tuple[tuple[str, str], ...] = ()
    source: Source | None = None
    """Of JOIN, PIVOT and UNPIVOT: with an empty derived table where the rows before go."""
    queries: tuple["Query", ...] = ()
    distinct: bool = False


@dataclass(frozen=True)
class Query(Node):
    """A whole query: WITH, a body, ORDER BY, LIMIT, and pipes behind."""

    body: "Select | SetOperation | From | Query"
    ctes: tuple[tuple[str, "Query"], ...] = ()
    recursive: bool = False
    order: tuple[Key, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    pipes: tuple[Pipe, ...] = ()


Tree = Node | Sequence["Tree"] | str | bool | None
