"""Which values rows are told apart and ordered by, and how DuckDB then orders them as Google does."""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.values import OrderKey, Scope, Value


def groupable(value: Value) -> bool:
    """Whether rows may be told apart by such values."""
    return (
        not value.type.is_array
        and value.type.name not in {"JSON", "INTERVAL"}
        and all(groupable(Value("", each)) for each in value.type.of)
    )


def orderable(type_: t.Type) -> bool:
    """Whether values of a type come one before the other."""
    return not type_.is_array and not type_.is_struct and type_.name not in {"JSON", "INTERVAL"}


def order_keys(translator: Any, key: s.Key, value: Value) -> list[OrderKey]:
    """How DuckDB orders by a value as Google does: NULL before everything, then NaN; the reverse with DESC.

    Raises:
        QueryError: Its type has no order.
    """
    if not orderable(value.type):
        raise translator.refused(key, f"ORDER BY a value of {value.type}")
    first = key.nulls == "FIRST" or (not key.nulls and not key.descending)
    keys = [OrderKey(value.sql, key.descending, first)]
    if value.type == t.FLOAT64:
        keys.insert(0, OrderKey(f"(NOT isnan({value.sql}))", key.descending, first))
    return keys


def order_in(translator: Any, node: s.Call, scope: Scope) -> str:
    """ORDER BY inside an aggregate, with a space before it; nothing where it has none."""
    keys = [
        each for key in node.order for each in order_keys(translator, key, translator.value(key.value, scope))
    ]
    return " ORDER BY " + ", ".join(each.sql for each in keys) if keys else ""
