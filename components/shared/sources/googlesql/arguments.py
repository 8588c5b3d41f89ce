"""The arguments of a call: their values, and as the types that a signature takes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import AGGREGATES, Chosen, Signature, choose
from components.shared.sources.googlesql.names import visible
from components.shared.sources.googlesql.parse_expressions import PARTS
from components.shared.sources.googlesql.values import Scope, Value

_MODES = frozenset(("NFC", "NFKC", "NFD", "NFKD"))
"""Words that NORMALIZE takes."""
PARTS_FIRST = frozenset(("DAY", "WEEK", "MONTH", "QUARTER", "YEAR", "HOUR", "MINUTE", "SECOND"))
"""Parts of a date where one may stand, whatever columns there are."""


def is_aggregate(node: s.Call) -> bool:
    """Whether a call aggregates rows."""
    return node.over is None and node.name in AGGREGATES


def arguments(translator: Any, node: s.Call, scope: Scope) -> list[Value]:
    """The arguments' values; words like DAY that no column has are parts of a date."""
    if node.named:
        raise translator.refused(node, f"no counterpart for named arguments of {node.name}")
    return [_argument(translator, each, scope) for each in node.arguments]


def _argument(translator: Any, node: s.Expr, scope: Scope) -> Value:
    word = node.parts[0].upper() if isinstance(node, s.Name) and len(node.parts) == 1 else ""
    if word in _MODES or (word in PARTS and not _is_column(word, scope)):
        return Value("NULL", t.PART, constant=s.Part(at=node.at, name=word))
    return translator.value(node, scope)  # type: ignore[no-any-return]


def _is_column(word: str, scope: Scope) -> bool:
    level: Scope | None = scope
    while level is not None:
        if any(column.name.lower() == word.lower() for column in visible(level)):
            return word not in PARTS_FIRST
        level = level.parent
    return False


def coerced_arguments(translator: Any, node: s.Call, chosen: Chosen, values: list[Value]) -> list[Value]:
    """The arguments as the types that the signature takes."""
    return [
        value if wanted == t.PART else _keeping(value, translator.coerce(value, wanted, node))
        for value, wanted in zip(values, chosen.arguments, strict=True)
    ]


def _keeping(before: Value, after: Value) -> Value:
    """A coerced value that still knows its constant."""
    return replace(after, constant=before.constant, literal=before.literal)


def fitting(
    translator: Any, node: s.Call, scope: Scope, table: Mapping[str, Sequence[Signature]]
) -> tuple[Chosen, list[Value]]:
    """The signature of an aggregate or a window function, and the arguments as the types that it takes.

    Raises:
        QueryError: None takes the arguments; `*` is one of COUNT alone.
    """
    stars = any(isinstance(each, s.Star) for each in node.arguments)
    values = [] if stars else arguments(translator, node, scope)
    chosen = choose(table[node.name], values, translator.distance)
    if chosen is None or (stars and (node.name != "COUNT" or len(node.arguments) > 1)):
        given = "*" if stars else ", ".join(str(each.type) for each in values)
        over = " OVER" if node.over else ""
        raise translator.refused(node, f"no counterpart for {node.name}({given}){over}")
    return chosen, coerced_arguments(translator, node, chosen, values)


def written(
    translator: Any, node: s.Call, chosen: Chosen, values: list[Value], *, scope: Scope, over: str
) -> str:
    """An aggregate or a window function in DuckDB's SQL, with OVER or FILTER behind it."""
    signature = chosen.signature
    if callable(signature.sql):
        return signature.sql(translator, node, values, scope=scope, over=over)
    missing = ["NULL"] * (len(signature.arguments) - len(values))
    distinct = "DISTINCT " if node.distinct else ""
    return signature.sql.format(*[each.sql for each in values], *missing, over=over, distinct=distinct)
