"""ARRAY_AGG, STRING_AGG and ARRAY_CONCAT_AGG: many rows as one array or text."""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import aggregate
from components.shared.sources.googlesql.ordering import order_in
from components.shared.sources.googlesql.values import Value


def listed(translator: Any, node: s.Call, value: Value, *, scope: Any, over: str, keep: str = "") -> str:
    """DuckDB's list of an aggregate's values, in its order, as many as its limit says."""
    if node.having is not None:
        raise translator.refused(node, f"no counterpart for HAVING {node.having[0]} in {node.name}")
    distinct = "DISTINCT " if node.distinct else ""
    order = order_in(translator, node, scope)
    if node.distinct and order:
        made = _distinct_in_order(translator, node, value, scope, over, keep)
    else:
        made = f"list({distinct}{value.sql}{order}){_filter(over, keep)}"
        if node.distinct and not value.type.has_floats:
            made = f"list_sort({made})"  # in any order for Google, always the same here
    if node.limit is None:
        return made
    limit = translator.value(node.limit, scope)
    if not isinstance(limit.constant, int) or limit.constant < 1:
        raise translator.refused(node.limit, "LIMIT that is no positive number of values")
    return f"list_slice({made}, 1, {limit.constant})"


def _filter(over: str, keep: str) -> str:
    if not keep:
        return over
    if over.startswith(" FILTER (WHERE "):
        return f" FILTER (WHERE {keep} AND ({over.removeprefix(' FILTER (WHERE ')[:-1]}))"
    return f" FILTER (WHERE {keep}){over}"


def _distinct_in_order(translator: Any, node: s.Call, value: Value, scope: Any, over: str, keep: str) -> str:
    """DISTINCT with ORDER BY the value itself: as DuckDB's list sorts it afterwards."""
    key = node.order[0]
    if len(node.order) > 1 or translator.value(key.value, scope).sql != value.sql:
        raise translator.refused(key, "ORDER BY of something other than the DISTINCT value")
    nulls = "FIRST" if key.nulls == "FIRST" or (not key.nulls and not key.descending) else "LAST"
    way = "DESC" if key.descending else "ASC"
    if value.type == t.FLOAT64:
        if not keep:
            raise translator.refused(
                node, "no counterpart for DISTINCT with ORDER BY of FLOAT64 without IGNORE NULLS"
            )
        pairs = (
            f"list(DISTINCT struct_pack(n := NOT isnan({value.sql}), x := {value.sql})){_filter(over, keep)}"
        )
        return f"list_transform(list_sort({pairs}, '{way}'), lambda e: struct_extract(e, 'x'))"
    return f"list_sort(list(DISTINCT {value.sql}){_filter(over, keep)}, '{way}', 'NULLS {nulls}')"


def _array_agg(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
    value = values[0]
    if value.type.is_array:
        raise translator.refused(node, "an ARRAY of ARRAYs")
    keep = f"{value.sql} IS NOT NULL" if node.nulls == "IGNORE" else ""
    return listed(translator, node, value, scope=scope, over=over, keep=keep)


aggregate("ARRAY_AGG", "T -> ARRAY<T>", _array_agg)


def _concat_agg(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
    value = values[0]
    if node.distinct or node.nulls or "OVER" in over:
        raise translator.refused(node, "DISTINCT, NULLS or OVER in ARRAY_CONCAT_AGG")
    return (
        f"flatten({listed(translator, node, value, scope=scope, over=over, keep=f'{value.sql} IS NOT NULL')})"
    )


aggregate("ARRAY_CONCAT_AGG", "ARRAY<T> -> ARRAY<T>", _concat_agg)


def _string_agg(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
    value = values[0]
    between = values[1].sql if len(values) > 1 else "','"
    if len(values) > 1 and values[1].constant is None:
        raise translator.refused(node, "STRING_AGG with a separator that is no literal")
    if node.nulls:
        raise translator.refused(node, "NULLS in STRING_AGG")
    made = listed(translator, node, value, scope=scope, over=over, keep=f"{value.sql} IS NOT NULL")
    return f"array_to_string({made}, {between})"


aggregate("STRING_AGG", "STRING -> STRING", _string_agg)
aggregate("STRING_AGG", "STRING, STRING -> STRING", _string_agg)
