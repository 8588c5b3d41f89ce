"""Functions of arrays.

Source: GoogleSQL, "Array functions".
"""

from typing import Any

from components.shared.sources.googlesql import arithmetic
from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.attempts import held
from components.shared.sources.googlesql.functions.signatures import Make, add
from components.shared.sources.googlesql.values import Value

add("ARRAY_LENGTH", "ARRAY<T> -> INT64", "len({0})", total=True)
add("ARRAY_REVERSE", "ARRAY<T> -> ARRAY<T>", "list_reverse({0})", total=True)


def _concat(translator: Any, node: s.Call, values: list[Value]) -> str:
    if any(each.literal == "NULL" for each in values):
        raise translator.refused(node, "NULL where an ARRAY is expected")
    return f"({' || '.join(each.sql for each in values)})"


add("ARRAY_CONCAT", "ARRAY<T>, ARRAY<T>… -> ARRAY<T>", _concat, total=True)

# --- texts ---


def _to_string(translator: Any, node: s.Call, values: list[Value]) -> str:
    array, between, *missing = values
    if array.type.of[0] == t.BYTES:
        raise translator.refused(node, "no counterpart for ARRAY_TO_STRING of BYTES")
    name = translator.new_name()
    if missing and missing[0].literal == "NULL":
        return "CAST(NULL AS VARCHAR)"
    if missing:
        shown = f"list_transform({array.sql}, lambda {name}: coalesce({name}, {missing[0].sql}))"
        shown = f"list_filter({shown}, lambda {name}: {name} IS NOT NULL)"
    else:
        shown = f"list_filter({array.sql}, lambda {name}: {name} IS NOT NULL)"
    joined = f"array_to_string({shown}, {between.sql})"
    if between.literal == "STRING":
        return joined
    return f"(CASE WHEN {between.sql} IS NOT NULL THEN {joined} END)"


add("ARRAY_TO_STRING", "ARRAY<STRING>, STRING, STRING? -> STRING", _to_string, total=True)

# --- elements ---


def _end(place: int) -> Make:
    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        def written(parts: dict[str, str]) -> str:
            failed = f"CAST('{node.name} of an empty array' AS BIGINT)"  # error() may not stand in TRY
            return (
                f"list_extract({parts['a']}, CASE WHEN len({parts['a']}) = 0 THEN {failed} ELSE {place} END)"
            )

        parts = {"a": values[0].sql}
        return written(parts) if arithmetic.repeatable(values[0]) else held(translator, parts, written)

    return make


add("ARRAY_FIRST", "ARRAY<T> -> T", _end(1))
add("ARRAY_LAST", "ARRAY<T> -> T", _end(-1))


def _slice(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    array, *bounds = values
    if all(isinstance(each.constant, int) for each in bounds):
        low, high = (each.constant + (each.constant >= 0) for each in bounds)  # type: ignore[operator]
        return f"list_slice({array.sql}, {low}, {high})"
    first, last = (f"({each.sql} + CAST({each.sql} >= 0 AS BIGINT))" for each in bounds)
    return f"list_slice({array.sql}, {first}, {last})"


add("ARRAY_SLICE", "ARRAY<T>, INT64, INT64 -> ARRAY<T>", _slice, total=True)

# --- of all elements ---


def _least(translator: Any, node: s.Call, values: list[Value]) -> str:
    array = values[0]
    _ordered(translator, node, array)
    if array.type.of[0] != t.FLOAT64:
        return f"list_min({array.sql})"

    def written(parts: dict[str, str]) -> str:
        has_nan = f"list_contains({parts['a']}, CAST('nan' AS DOUBLE))"
        return f"(CASE WHEN {has_nan} THEN CAST('nan' AS DOUBLE) ELSE list_min({parts['a']}) END)"

    parts = {"a": array.sql}
    return written(parts) if arithmetic.repeatable(array) else held(translator, parts, written)


def _greatest(translator: Any, node: s.Call, values: list[Value]) -> str:
    _ordered(translator, node, values[0])
    return f"list_max({values[0].sql})"


def _ordered(translator: Any, node: s.Call, array: Value) -> None:
    element = array.type.of[0]
    if element.is_array or element.is_struct or element.name in {"JSON", "INTERVAL"}:
        raise translator.refused(node, f"{node.name} of {array.type}")


add("ARRAY_MIN", "ARRAY<T> -> T", _least, total=True)
add("ARRAY_MAX", "ARRAY<T> -> T", _greatest, total=True)
add("ARRAY_SUM", "ARRAY<INT64> -> INT64", "CAST(list_sum({0}) AS BIGINT)")
add("ARRAY_SUM", "ARRAY<NUMERIC> -> NUMERIC", "CAST(list_sum({0}) AS DECIMAL(38, 9))")
add("ARRAY_SUM", "ARRAY<FLOAT64> -> FLOAT64", "gsql_array_sum({0})")
add("ARRAY_AVG", "ARRAY<INT64> -> FLOAT64", "list_avg({0})", total=True)
add("ARRAY_AVG", "ARRAY<FLOAT64> -> FLOAT64", "gsql_array_avg({0})")
add("ARRAY_AVG", "ARRAY<NUMERIC> -> NUMERIC", "gsql_numeric_avg({0})")


def _includes(sql: str) -> Make:
    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        element = values[0].type.of[0]
        if element.has_floats or element.is_struct or element.name in {"JSON", "INTERVAL"}:
            raise translator.refused(node, f"no counterpart for {node.name} of {values[0].type}")
        made = sql.format(*(each.sql for each in values))
        return f"(CASE WHEN {values[1].sql} IS NOT NULL THEN {made} END)"

    return make


add("ARRAY_INCLUDES", "ARRAY<T>, T -> BOOL", _includes("list_contains({0}, {1})"), total=True)
add("ARRAY_INCLUDES_ANY", "ARRAY<T>, ARRAY<T> -> BOOL", _includes("list_has_any({0}, {1})"), total=True)
add("ARRAY_INCLUDES_ALL", "ARRAY<T>, ARRAY<T> -> BOOL", _includes("list_has_all({0}, {1})"), total=True)

# --- made of a range ---


def _integers(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    listed = ", ".join(each.sql for each in values)
    known = isinstance(values[2].constant, int) and values[2].constant != 0
    return f"{'generate_series' if known else 'gsql_integer_series'}({listed})"


add("GENERATE_ARRAY", "INT64, INT64 -> ARRAY<INT64>", "generate_series({0}, {1})")
add("GENERATE_ARRAY", "INT64, INT64, INT64 -> ARRAY<INT64>", _integers)


def _series(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    first, last, *step = (each.sql for each in values)
    return f"gsql_float_series({first}, {last}, {step[0] if step else '1.0'})"


add("GENERATE_ARRAY", "FLOAT64, FLOAT64, FLOAT64? -> ARRAY<FLOAT64>", _series)
add("GENERATE_ARRAY", "NUMERIC, NUMERIC, NUMERIC -> ARRAY<NUMERIC>", "gsql_numeric_series({0}, {1}, {2})")
add(
    "GENERATE_ARRAY",
    "NUMERIC, NUMERIC -> ARRAY<NUMERIC>",
    "gsql_numeric_series({0}, {1}, CAST(1 AS DECIMAL(38, 9)))",
)


def _is_distinct(translator: Any, node: s.Call, values: list[Value]) -> str:
    del node

    def written(parts: dict[str, str]) -> str:
        rows = f"list_transform({parts['a']}, lambda e: struct_pack(v := e))"
        return f"(len({parts['a']}) = len(list_distinct({rows})))"

    parts = {"a": values[0].sql}
    return written(parts) if arithmetic.repeatable(values[0]) else held(translator, parts, written)


for _name in ("INT64", "NUMERIC", "STRING", "BOOL", "DATE", "TIMESTAMP", "DATETIME"):
    add("ARRAY_IS_DISTINCT", f"ARRAY<{_name}> -> BOOL", _is_distinct, total=True)
add("COSINE_DISTANCE", "ARRAY<FLOAT64>, ARRAY<FLOAT64> -> FLOAT64", "gsql_cosine_distance({0}, {1})")
add("EUCLIDEAN_DISTANCE", "ARRAY<FLOAT64>, ARRAY<FLOAT64> -> FLOAT64", "gsql_euclidean_distance({0}, {1})")
