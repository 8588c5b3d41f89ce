"""JSON in strings: values and parts by a path that is a literal.

Source: GoogleSQL, "JSON functions".
"""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.computed_json import steps
from components.shared.sources.googlesql.functions.signatures import UNKNOWN, add
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Value


def _by_path(function: str, *, legacy: bool) -> Any:
    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        path = str(values[1].constant) if len(values) > 1 else "$"
        if steps(path, legacy=legacy) is None:
            raise translator.refused(node, f"no counterpart for the path '{path}'")
        return f"gsql_{function}({values[0].sql}, {t.literal(path)}, {'true' if legacy else 'false'})"

    return make


for _name, _function, _result in (
    ("JSON_VALUE", "json_scalar", "STRING"),
    ("JSON_QUERY", "json_part", "STRING"),
    ("JSON_VALUE_ARRAY", "json_scalars", "ARRAY<STRING>"),
    ("JSON_QUERY_ARRAY", "json_parts", "ARRAY<STRING>"),
):
    add(_name, f"STRING, LITERAL? -> {_result}", _by_path(_function, legacy=False), total=True)
for _name, _function, _result in (
    ("JSON_EXTRACT_SCALAR", "json_scalar", "STRING"),
    ("JSON_EXTRACT", "json_part", "STRING"),
    ("JSON_EXTRACT_ARRAY", "json_parts", "ARRAY<STRING>"),
    ("JSON_EXTRACT_STRING_ARRAY", "json_scalars", "ARRAY<STRING>"),
):
    add(_name, f"STRING, LITERAL? -> {_result}", _by_path(_function, legacy=True), total=True)
UNKNOWN["PARSE_JSON"] = "Read the text itself: JSON_VALUE(text, '$.name')."

_PLAIN = {"INT64", "BOOL", "STRING", "FLOAT64", "DATE", "NUMERIC"}


def _as_json(translator: Any, node: s.Call, values: list[Value]) -> str:
    return _written(translator, node, values[0].sql, values[0].type)


def _written(translator: Any, node: s.Call, sql: str, type_: Type) -> str:
    """SQL for a value's JSON; NULL is 'null'."""
    if type_.is_array:
        inner = _written(translator, node, "x", type_.of[0])
        listed = f"array_to_string(list_transform({sql}, lambda x: {inner}), ',')"
        return f"(CASE WHEN {sql} IS NULL THEN 'null' ELSE '[' || {listed} || ']' END)"
    if type_.is_struct:
        parts = [
            f"gsql_json_text({t.literal(name)}) || ':' || "
            + _written(translator, node, f"struct_extract({sql}, {t.literal(stored)})", of)
            for name, stored, of in zip(type_.names, type_.fields, type_.of, strict=True)
        ]
        joined = " || ',' || ".join(parts)
        return f"(CASE WHEN {sql} IS NULL THEN 'null' ELSE '{{' || {joined} || '}}' END)"
    if type_.name not in _PLAIN:
        raise translator.refused(node, f"no counterpart for the JSON of {type_}")
    as_text = {
        "INT64": f"gsql_json_integer({sql})",
        "BOOL": f"CAST({sql} AS VARCHAR)",
        "STRING": f"gsql_json_text({sql})",
        "FLOAT64": f"gsql_json_float({sql})",
        "DATE": f"'\"' || gsql_date_to_string({sql}) || '\"'",
        "NUMERIC": f"gsql_json_numeric({sql})",
    }[type_.name]
    return f"coalesce({as_text}, 'null')"


for _type in ("T", "ARRAY<T>"):
    add("TO_JSON_STRING", f"{_type} -> STRING", _as_json)
