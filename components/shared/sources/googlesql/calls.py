"""Functions called by name: scalars, aggregates and windows, chosen by the types of their arguments."""

from typing import Any

from components.shared.sources.googlesql import functions as _functions  # noqa: F401 - fills the tables
from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
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
        _refuse_unknown(translator, node)
    if node.name in AGGREGATES:
        grouping: Any = scope.grouping
        if grouping is None:
            where = f" in {scope.clause}" if scope.clause else " here"
            raise translator.refused(node, f"the aggregate {node.name}{where}")
        return grouping.aggregated(node)  # type: ignore[no-any-return]
    if node.name not in SCALARS:
        _refuse_unknown(translator, node)
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


def arguments(translator: Any, node: s.Call, scope: Scope) -> list[Value]:
    """The arguments' values; words like DAY that no column has are parts of a date."""
    if node.named:
        raise translator.refused(node, f"no counterpart for named arguments of {node.name}")
    return [_argument(translator, each, scope) for each in node.arguments]


def _argument(translator: Any, node: s.Expr, scope: Scope) -> Value:
    from components.shared.sources.googlesql.parse_expressions import PARTS

    word = node.parts[0].upper() if isinstance(node, s.Name) and len(node.parts) == 1 else ""
    if word in _MODES or (word in PARTS and not _is_column(word, scope)):
        return Value("NULL", t.PART, constant=s.Part(at=node.at, name=word))
    return translator.value(node, scope)  # type: ignore[no-any-return]


_MODES = frozenset(("NFC", "NFKC", "NFD", "NFKD"))
"""Words that NORMALIZE takes."""


def _is_column(word: str, scope: Scope) -> bool:
    from components.shared.sources.googlesql.names import visible

    level: Scope | None = scope
    while level is not None:
        if any(column.name.lower() == word.lower() for column in visible(level)):
            return word not in PARTS_FIRST
        level = level.parent
    return False


PARTS_FIRST = frozenset(("DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "HOUR", "MINUTE", "SECOND"))
"""Parts of a date where one may stand, whatever columns there are."""


def coerced_arguments(translator: Any, node: s.Call, chosen: Chosen, values: list[Value]) -> list[Value]:
    """The arguments as the types that the signature takes."""
    return [
        value if wanted == t.PART else _keeping(value, translator.coerce(value, wanted, node))
        for value, wanted in zip(values, chosen.arguments, strict=True)
    ]


def _keeping(before: Value, after: Value) -> Value:
    """A coerced value that still knows its constant."""
    from dataclasses import replace

    return replace(after, constant=before.constant, literal=before.literal)


def _written(translator: Any, node: s.Call, chosen: Chosen, values: list[Value]) -> str:
    signature = chosen.signature
    if callable(signature.sql):
        return signature.sql(translator, node, values)
    missing = [NULL] * (len(signature.arguments) - len(values))
    listed = [each.sql for each in [*values, *missing]]
    return signature.sql.format(*listed, all=", ".join(each.sql for each in values))


def _refuse_unknown(translator: Any, node: s.Call) -> None:
    raise translator.refused(node, f"no counterpart for {node.name}", UNKNOWN.get(node.name, ""))


def _refused_arguments(translator: Any, node: s.Call, values: list[Value]) -> Exception:
    given = ", ".join("NULL" if each.literal == "NULL" else str(each.type) for each in values)
    refused: Exception = translator.refused(node, f"no counterpart for {node.name}({given})")
    return refused
