"""JSON in strings: what stands at a path, and values as JSON."""

from collections.abc import Callable
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import add
from components.shared.sources.googlesql.values import Value


def _at_path(function: str, *, legacy: bool) -> Callable[..., str]:
    def made(translator: Any, node: s.Call, values: list[Value]) -> str:
        from components.shared.sources.googlesql.functions.computed_json import steps

        path = str(values[1].constant) if len(values) > 1 else "$"
        if steps(path, legacy=legacy) is None:
            raise translator.refused(node, f"no counterpart for the JSONPath '{path}' in {node.name}")
        return f"{function}({values[0].sql}, {t.literal(path)}, {str(legacy).lower()})"

    return made


for _name, _function, _result, _whole in (
    ("JSON_VALUE", "gsql_json_value", "STRING", True),
    ("JSON_QUERY", "gsql_json_query", "STRING", False),
    ("JSON_VALUE_ARRAY", "gsql_json_value_array", "ARRAY<STRING>", True),
    ("JSON_QUERY_ARRAY", "gsql_json_query_array", "ARRAY<STRING>", True),
    ("JSON_EXTRACT_SCALAR", "gsql_json_value", "STRING", True),
    ("JSON_EXTRACT", "gsql_json_query", "STRING", False),
    ("JSON_EXTRACT_STRING_ARRAY", "gsql_json_value_array", "ARRAY<STRING>", True),
    ("JSON_EXTRACT_ARRAY", "gsql_json_query_array", "ARRAY<STRING>", True),
):
    _made = _at_path(_function, legacy=_name.startswith("JSON_EXTRACT"))
    add(_name, f"STRING, LITERAL -> {_result}", _made)
    if _whole:
        add(_name, f"STRING -> {_result}", _made)


def _to_json_string(translator: Any, node: s.Call, values: list[Value]) -> str:
    return _json(translator, node, values[0])


def _json(translator: Any, node: s.Node, value: Value) -> str:
    """The SQL of a value's JSON, `null` for NULL."""
    return f"coalesce({_of_type(translator, node, value)}, 'null')"


def _of_type(translator: Any, node: s.Node, value: Value) -> str:
    sql, type_ = value.sql, value.type
    if type_.is_array:
        name = translator.new_name()
        element = _json(translator, node, Value(name, type_.of[0]))
        return f"('[' || array_to_string(list_transform({sql}, lambda {name}: {element}), ',') || ']')"
    if type_.is_struct:
        return _of_struct(translator, node, value)
    match type_.name:
        case "STRING":
            return f"gsql_json_string({sql})"
        case "INT64":
            name = translator.new_name()
            text = f"CAST({name} AS VARCHAR)"
            beyond = (
                f"CASE WHEN {name} BETWEEN -{2**53} AND {2**53} THEN {text} ELSE '\"' || {text} || '\"' END"
            )
            return f"list_extract(list_transform([{sql}], lambda {name}: {beyond}), 1)"
        case "FLOAT64" | "NUMERIC":
            return f"gsql_json_{'float' if type_ == t.FLOAT64 else 'numeric'}({sql})"
        case "BOOL":
            return f"CAST({sql} AS VARCHAR)"
        case "BYTES":
            return f"('\"' || to_base64({sql}) || '\"')"
        case "DATE" | "TIME" | "DATETIME" | "TIMESTAMP":
            text = translator.cast(value, t.STRING, node).sql
            if type_ in {t.DATETIME, t.TIMESTAMP}:
                text = f"replace(replace({text}, ' ', 'T'), '+00', 'Z')"
            return f"('\"' || {text} || '\"')"
    raise translator.refused(node, f"no counterpart for TO_JSON_STRING({type_})")


def _of_struct(translator: Any, node: s.Node, value: Value) -> str:
    from components.shared.sources.googlesql.functions.computed_json import json_string

    outer = translator.new_name()
    parts = []
    for name, field, type_ in zip(value.type.names, value.type.fields, value.type.of, strict=True):
        inner = Value(f"struct_extract({outer}, {t.literal(field)})", type_)
        parts.append(t.literal(json_string(name) + ":") + " || " + _json(translator, node, inner))
    text = "'{' || " + " || ',' || ".join(parts) + " || '}'"
    whole = f"CASE WHEN {outer} IS NOT NULL THEN {text} END"
    return f"list_extract(list_transform([{value.sql}], lambda {outer}: {whole}), 1)"


add("TO_JSON_STRING", "T -> STRING", _to_json_string)
