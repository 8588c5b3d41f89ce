"""CAST, SAFE_CAST and what becomes another type by itself.

Source: GoogleSQL, "Conversion functions".
"""

import math
from typing import Any

from components.shared.sources.googlesql import arithmetic
from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.attempts import attempt
from components.shared.sources.googlesql.functions.text_of_times import SQL
from components.shared.sources.googlesql.literals import numeric, of_text
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Scope, Value

_CASTS: dict[tuple[str, str], str] = {
    ("INT64", "FLOAT64"): "CAST({0} AS DOUBLE)",
    ("INT64", "NUMERIC"): "CAST({0} AS DECIMAL(38, 9))",
    ("INT64", "BOOL"): "({0} != 0)",
    ("INT64", "STRING"): "CAST({0} AS VARCHAR)",
    ("FLOAT64", "INT64"): "CAST(round({0}) AS BIGINT)",
    ("FLOAT64", "STRING"): "gsql_float_to_string({0})",
    ("NUMERIC", "INT64"): "CAST(round({0}, 0) AS BIGINT)",
    ("NUMERIC", "STRING"): "gsql_numeric_to_string({0})",
    ("BOOL", "INT64"): "CAST({0} AS BIGINT)",
    ("BOOL", "STRING"): "CAST({0} AS VARCHAR)",
    ("STRING", "INT64"): "gsql_string_to_int({0})",
    ("STRING", "FLOAT64"): "gsql_string_to_float({0})",
    ("STRING", "NUMERIC"): "gsql_string_to_numeric({0})",
    ("STRING", "BOOL"): "gsql_string_to_bool({0})",
    ("STRING", "BYTES"): "encode({0})",
    ("STRING", "DATE"): "gsql_string_to_date({0})",
    ("STRING", "DATETIME"): "gsql_string_to_datetime({0})",
    ("STRING", "TIME"): "gsql_string_to_time({0})",
    ("STRING", "TIMESTAMP"): "gsql_string_to_timestamp({0}, 'UTC')",
    ("BYTES", "STRING"): "gsql_of_bytes({0})",
    ("DATE", "STRING"): SQL["DATE"],
    ("DATE", "DATETIME"): "CAST({0} AS TIMESTAMP)",
    ("DATE", "TIMESTAMP"): "make_timestamptz(epoch_us({0}))",
    ("DATETIME", "STRING"): SQL["DATETIME"],
    ("DATETIME", "DATE"): "CAST({0} AS DATE)",
    ("DATETIME", "TIME"): "CAST({0} AS TIME)",
    ("DATETIME", "TIMESTAMP"): "make_timestamptz(epoch_us({0}))",
    ("TIME", "STRING"): SQL["TIME"],
    ("TIMESTAMP", "STRING"): SQL["TIMESTAMP"].format("make_timestamp(epoch_us({0}))"),
    ("TIMESTAMP", "DATE"): "CAST(make_timestamp(epoch_us({0})) AS DATE)",
    ("TIMESTAMP", "DATETIME"): "make_timestamp(epoch_us({0}))",
    ("TIMESTAMP", "TIME"): "CAST(make_timestamp(epoch_us({0})) AS TIME)",
}
"""How a value of the first type is cast to the second; DuckDB's clocks are in UTC. What may fail raises."""

_BOUNDS = {"INT64": float(2**63), "NUMERIC": 1e29}
"""How large a FLOAT64 of another type may be."""
_TOTAL = frozenset(
    (("INT64", "FLOAT64"), ("INT64", "NUMERIC"), ("INT64", "BOOL"), ("BOOL", "INT64"), ("STRING", "BYTES"))
)
"""Casts that never fail, as none to STRING does but that of BYTES."""


def cast_value(translator: Any, value: Value, wanted: Type, node: s.Node) -> Value:
    """A value as another type, by itself or by CAST.

    Raises:
        QueryError: There is no such cast.
    """
    if value.type == wanted:
        return value
    if value.literal == "STRING" and wanted in {t.DATE, t.DATETIME, t.TIME, t.TIMESTAMP}:
        return of_text(translator, node, str(value.constant), wanted)
    if value.literal == "FLOAT64" and wanted == t.NUMERIC:
        number = numeric(str(value.constant))
        if number is not None:
            return Value(
                f"CAST('{number}' AS DECIMAL(38, 9))", t.NUMERIC, "FLOAT64", value.constant, total=True
            )
    if value.literal == "INT64" and wanted == t.FLOAT64:
        near = float(str(value.constant))
        written = f"CAST('{near!r}' AS DOUBLE)"
        return Value(written, t.FLOAT64, "FLOAT64", str(value.constant), total=True, bound=abs(near))
    if value.type.is_array and wanted.is_array:
        return _array(translator, value, wanted, node)
    if value.type.is_struct and wanted.is_struct:
        return _struct(translator, value, wanted, node)
    if {value.type, wanted} == {t.FLOAT64, t.NUMERIC}:
        made = arithmetic.float_to_numeric if wanted == t.NUMERIC else arithmetic.numeric_to_float
        return Value(
            made(value),
            wanted,
            total=value.total and wanted == t.FLOAT64,
            bound=_BOUNDS.get(value.type.name, math.inf),
        )
    template = _CASTS.get((value.type.name, wanted.name))
    if template is None:
        raise translator.refused(node, f"no counterpart for a CAST from {value.type} to {wanted}")
    bound = _BOUNDS.get(value.type.name, math.inf)
    never_fails = (value.type.name, wanted.name) in _TOTAL or (wanted == t.STRING and value.type != t.BYTES)
    return Value(template.format(value.sql), wanted, total=value.total and never_fails, bound=bound)


def _array(translator: Any, value: Value, wanted: Type, node: s.Node) -> Value:
    element = cast_value(translator, Value("x", value.type.of[0]), wanted.of[0], node)
    return Value(f"list_transform({value.sql}, lambda x: {element.sql})", wanted)


def _struct(translator: Any, value: Value, wanted: Type, node: s.Node) -> Value:
    if len(value.type.of) != len(wanted.of):
        raise translator.refused(node, f"{value.type} where {wanted} is expected")
    parts = [
        cast_value(translator, Value(f"struct_extract({value.sql}, {t.literal(name)})", type_), each, node)
        for name, type_, each in zip(value.type.fields, value.type.of, wanted.of, strict=True)
    ]
    made = translator.struct(wanted, parts, node)
    return Value(f"(CASE WHEN {value.sql} IS NOT NULL THEN {made.sql} END)", wanted)


def explicit_cast(translator: Any, node: s.Cast, value: Value, scope: Scope) -> Value:
    """CAST and SAFE_CAST.

    Raises:
        QueryError: There is no such cast.
    """
    wanted = translator.type_named(node.type)
    if _sizes(node.type):
        raise translator.refused(node.type, f"no counterpart for {node.type.name} with a size")
    if node.format is not None:
        from components.shared.sources.googlesql.functions.times import cast_with_format

        return cast_with_format(translator, node, value, wanted, scope)
    if value.literal in {"NULL", "[]"}:
        return (
            translator.coerce(value, wanted, node).as_type(wanted) if value.literal == "[]" else _null(wanted)
        )
    if value.literal == "STRING" and wanted in {t.DATE, t.DATETIME, t.TIME, t.TIMESTAMP}:
        value = Value(value.sql, value.type, total=True)  # a cast may fail when it runs, a literal before
    cast = cast_value(translator, value, wanted, node)
    if node.safe and not cast.total:
        attempted = attempt(
            translator, [value], lambda held: cast_value(translator, held[0], wanted, node).sql
        )
        return Value(attempted, wanted, total=value.total)
    return Value(cast.sql, wanted, total=cast.total)


def _null(type_: Type) -> Value:
    return Value(f"CAST(NULL AS {t.in_duckdb(type_)})", type_, total=True)


def _sizes(type_: s.TypeName) -> bool:
    return bool(type_.sizes) or any(map(_sizes, type_.of))
