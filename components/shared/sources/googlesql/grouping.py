"""GROUP BY: the keys and aggregates of a SELECT, computed below what uses them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.arguments import fitting, is_aggregate, written
from components.shared.sources.googlesql.functions.signatures import AGGREGATES
from components.shared.sources.googlesql.ordering import groupable
from components.shared.sources.googlesql.trees import children, parts
from components.shared.sources.googlesql.values import Scope, Value
from configs.errors import QueryError


def aggregates_in(part: Any) -> Iterator[s.Call]:
    """The calls that aggregate the rows of this SELECT; queries within have their own."""
    for node in parts(part):
        if isinstance(node, s.Call) and is_aggregate(node):
            yield node
        elif not isinstance(node, s.Query):
            for child in children(node):
                yield from aggregates_in(child)


def windows_in(part: Any) -> bool:
    """Whether a call with OVER is in an expression, queries within apart."""
    return any(
        (isinstance(node, s.Call) and node.over is not None) or any(map(windows_in, children(node)))
        for node in parts(part)
        if not isinstance(node, s.Query)
    )


class Grouping:
    """The keys and aggregates of one SELECT; expressions above see only these."""

    def __init__(self, translator: Any, scope: Scope) -> None:
        self._translator, self._scope = translator, replace(scope, grouping=None, allows_windows=False)
        self.alias: str = translator.new_name()
        self.keys: list[Value] = []
        self._aggregates: list[str] = []

    def add_key(self, node: s.Node, value: Value) -> None:
        """A key of GROUP BY.

        Raises:
            QueryError: Rows are not grouped by such values.
        """
        if not groupable(value):
            raise self._translator.refused(node, f"GROUP BY a value of {value.type}")
        self.keys.append(value)

    def match(self, node: s.Expr) -> Value | None:
        """The key that an expression is, if it is one."""
        if isinstance(node, s.Constant | s.Parameter | s.Part | s.Star | s.Subquery):
            return None
        if any(True for _ in aggregates_in(node)) or windows_in(node) or isinstance(node, s.Name):
            return None
        try:
            value = self._translator.value(node, self._scope)
        except QueryError:
            return None
        return self._key(value)

    def _key(self, value: Value) -> Value | None:
        for place, key in enumerate(self.keys):
            if key.sql == value.sql:
                return Value(f"{self.alias}.g{place}", key.type, total=True)
        return None

    def grouped(self, node: s.Name, value: Value, rest: tuple[str, ...]) -> tuple[Value, tuple[str, ...]]:
        """What a column of FROM is above GROUP BY: the key that it is, or that a field of it is.

        Raises:
            QueryError: It is no key.
        """
        from components.shared.sources.googlesql.names import field_of

        current = value
        for place in range(len(rest) + 1):
            found = self._key(current)
            if found:
                return found, rest[place:]
            if place < len(rest):
                current = field_of(self._translator, node, current, rest[place])
        raise self._translator.refused(
            node,
            f"'{'.'.join(node.parts)}' neither grouped nor aggregated",
            "Put it into GROUP BY, or into an aggregate such as ANY_VALUE.",
        )

    def aggregated(self, node: s.Call, only: str = "") -> Value:
        """An aggregate's value above GROUP BY, over the rows where `only` holds."""
        if node.name == "GROUPING" and not self.keys:
            raise self._translator.refused(node, "GROUPING without GROUP BY")
        within = replace(self._scope, clause="an aggregate")
        sql, type_ = aggregate_sql(self._translator, node, within, only)
        if sql not in self._aggregates:
            self._aggregates.append(sql)
        return Value(f"{self.alias}.a{self._aggregates.index(sql)}", type_, total=True)

    def sql(self, rest: str, sets: str = "") -> str:
        """The SELECT below: keys g0 …, aggregates a0 ….

        Args:
            rest: FROM and WHERE.
            sets: What stands behind GROUP BY where it is not the keys one after the other.
        """
        columns = [f"{key.sql} AS g{place}" for place, key in enumerate(self.keys)]
        columns += [f"{each} AS a{place}" for place, each in enumerate(self._aggregates)]
        columns = columns or ["1 AS a0"]
        by = sets or ", ".join(str(place + 1) for place in range(len(self.keys)))
        if by and not sets and any(each.startswith("grouping(") for each in self._aggregates):
            by = f"GROUPING SETS (({', '.join(key.sql for key in self.keys)}))"
        if not by:
            return f"SELECT {', '.join(columns)}{', count(*) AS n' if not self._aggregates else ''}{rest}"
        return f"SELECT {', '.join(columns)}{rest} GROUP BY {by}"


def aggregate_sql(translator: Any, node: s.Call, scope: Scope, only: str = "") -> tuple[str, t.Type]:
    """An aggregate in DuckDB's SQL over the rows where `only` holds, and its type.

    Raises:
        QueryError: None of its signatures takes the arguments, or a clause in it has no counterpart.
    """
    chosen, values = fitting(translator, node, scope, AGGREGATES)
    if node.distinct and not all(map(groupable, values)):
        raise translator.refused(node, f"DISTINCT for values of {values[0].type}")
    clauses = node.order or node.limit is not None or node.nulls or node.having
    if clauses and not callable(chosen.signature.sql):
        raise translator.refused(node, f"no counterpart for ORDER BY, LIMIT, NULLS or HAVING in {node.name}")
    filter_ = f" FILTER (WHERE {only})" if only else ""
    return written(translator, node, chosen, values, scope=scope, over=filter_), chosen.result
