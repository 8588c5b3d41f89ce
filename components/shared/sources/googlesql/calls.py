"""Functions called by name: scalars, aggregates and windows, chosen by the types of their arguments."""

from typing import Any

from components.shared.sources.googlesql import functions as _functions  # noqa: F401 - fills the tables
from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.arguments import arguments, coerced_arguments
from components.shared.sources.googlesql.attempts import attempt
from components.shared.sources.googlesql.functions.signatures import (
    AGGREGATES,
    SCALARS,
    UNKNOWN,
    WINDOWS,
    Chosen,
    choose,
)
from components.shared.sources.googlesql.values import NULL, Scope, Value


def called(translator: Any, node: s.Call, scope: Scope) -> Value:
    """A call as a value.

    Raises:
        QueryError: The function is unknown, or none of its signatures takes the arguments.
    """
    if node.name in WINDOWS or (node.over is not None and node.name in AGGREGATES):
        from components.shared.sources.googlesql.windows import windowed

        return windowed(translator, node, scope)
    if node.over is not None:
        raise _unknown(translator, node)
    if node.name in AGGREGATES:
        grouping: Any = scope.grouping
        if grouping is None:
            where = f" in {scope.clause}" if scope.clause else " here"
            raise translator.refused(node, f"the aggregate {node.name}{where}")
        return grouping.aggregated(node)  # type: ignore[no-any-return]
    if node.name not in SCALARS:
        raise _unknown(translator, node)
    if node.distinct or node.nulls or node.order or node.limit is not None or node.having:
        raise translator.refused(node, f"{node.name} takes no DISTINCT, NULLS, ORDER BY, LIMIT or HAVING")
    return scalar(translator, node, scope)


def scalar(translator: Any, node: s.Call, scope: Scope) -> Value:
    """A scalar function's call."""
    values = arguments(translator, node, scope)
    chosen = choose(SCALARS[node.name], values, translator.distance)
    if chosen is None:
        raise _refused_arguments(translator, node, values)
    coerced = coerced_arguments(translator, node, chosen, values)
    if node.safe:
        attempted = attempt(translator, coerced, lambda held: _written(translator, node, chosen, held))
        return Value(attempted, chosen.result, total=all(each.total for each in coerced))
    sql = _written(translator, node, chosen, coerced)
    total = chosen.signature.total and all(each.total for each in coerced)
    return Value(sql, chosen.result, total=total)


def _written(translator: Any, node: s.Call, chosen: Chosen, values: list[Value]) -> str:
    signature = chosen.signature
    if callable(signature.sql):
        return signature.sql(translator, node, values)
    missing = [NULL] * (len(signature.arguments) - len(values))
    listed = [each.sql for each in [*values, *missing]]
    return signature.sql.format(*listed, all=", ".join(each.sql for each in values))


def _unknown(translator: Any, node: s.Call) -> Exception:
    refused: Exception = translator.refused(
        node, f"no counterpart for {node.name}", UNKNOWN.get(node.name, "")
    )
    return refused


def _refused_arguments(translator: Any, node: s.Call, values: list[Value]) -> Exception:
    given = ", ".join("NULL" if each.literal == "NULL" else str(each.type) for each in values)
    refused: Exception = translator.refused(node, f"no counterpart for {node.name}({given})")
    return refused
