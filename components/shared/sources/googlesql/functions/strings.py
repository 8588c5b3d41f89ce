"""Strings and bytes: parts of them, changes to them, what is in them.

Where DuckDB's function agrees with Google's on ASCII alone, `gsql_…` does the rest.
"""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.binding import sparing
from components.shared.sources.googlesql.functions.signatures import UNKNOWN, add
from components.shared.sources.googlesql.values import Value

_FARTHEST = 2**31 - 1
"""DuckDB's functions take no number beyond."""
_WHITE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002"
    "\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)
_ASCII = "strlen({0}) = length({0})"

add("LENGTH CHAR_LENGTH CHARACTER_LENGTH", "STRING -> INT64", "length({0})", total=True)
add("LENGTH BYTE_LENGTH OCTET_LENGTH", "BYTES -> INT64", "octet_length({0})", total=True)
add("BYTE_LENGTH OCTET_LENGTH", "STRING -> INT64", "strlen({0})", total=True)

add(
    "UPPER",
    "STRING -> STRING",
    sparing(f"(CASE WHEN {_ASCII} THEN upper({{0}}) ELSE gsql_upper({{0}}) END)"),
    total=True,
)
add(
    "LOWER",
    "STRING -> STRING",
    sparing(f"(CASE WHEN {_ASCII} THEN lower({{0}}) ELSE gsql_lower({{0}}) END)"),
    total=True,
)
add(
    "REVERSE",
    "STRING -> STRING",
    sparing(f"(CASE WHEN {_ASCII} THEN reverse({{0}}) ELSE gsql_reverse({{0}}) END)"),
    total=True,
)
add("UPPER", "BYTES -> BYTES", "gsql_bytes_upper({0})", total=True)
add("LOWER", "BYTES -> BYTES", "gsql_bytes_lower({0})", total=True)
add("REVERSE", "BYTES -> BYTES", "gsql_bytes_reverse({0})", total=True)
add("INITCAP", "STRING -> STRING", "gsql_initcap_words({0})", total=True)


def _initcap(translator: Any, node: s.Call, values: list[Value]) -> str:
    if any(map(str.isalnum, str(values[1].constant))):
        raise translator.refused(node, "no counterpart for INITCAP with letters or digits for separators")
    return f"gsql_initcap({values[0].sql}, {values[1].sql})"


add("INITCAP", "STRING, LITERAL -> STRING", _initcap, total=True)


def _joined(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    return "(" + " || ".join(value.sql for value in values) + ")"


add("CONCAT", "STRING, STRING… -> STRING", _joined, total=True)
add("CONCAT", "BYTES, BYTES… -> BYTES", _joined, total=True)


def _length(translator: Any, node: s.Call, value: Value) -> str:
    """A length within DuckDB's bounds; what is negative fails when it is reached."""
    if isinstance(value.constant, int):
        if value.constant < 0:
            raise translator.refused(node, f"a negative length for {node.name}")
        return str(min(value.constant, _FARTHEST))
    text = value.sql
    return (
        f"(CASE WHEN {text} < 0 THEN CAST('a negative length for {node.name}' AS BIGINT) "
        f"WHEN {text} > {_FARTHEST} THEN {_FARTHEST} ELSE {text} END)"
    )


def _substr(translator: Any, node: s.Call, values: list[Value]) -> str:
    text, position = values[0].sql, values[1]
    length = f", {_length(translator, node, values[2])}" if len(values) == 3 else ""
    if isinstance(position.constant, int):
        at = position.constant
        if at >= 0:
            return f"substring({text}, {min(max(at, 1), _FARTHEST)}{length})"
        return f"substring(right({text}, {min(-at, _FARTHEST)}), 1{length})"
    at_sql = position.sql
    behind = f"CAST((CASE WHEN {at_sql} < -{_FARTHEST} THEN {_FARTHEST} ELSE -{at_sql} END) AS BIGINT)"
    start = f"(CASE WHEN {at_sql} = 0 THEN 1 WHEN {at_sql} > {_FARTHEST} THEN {_FARTHEST} ELSE {at_sql} END)"
    return (
        f"(CASE WHEN {at_sql} < 0 THEN substring(right({text}, {behind}), 1{length}) "
        f"ELSE substring({text}, {start}{length}) END)"
    )


def _side(translator: Any, node: s.Call, values: list[Value]) -> str:
    return f"{node.name.lower()}({values[0].sql}, {_length(translator, node, values[1])})"


add("SUBSTR SUBSTRING", "STRING, INT64 -> STRING", _substr, total=True)
add("SUBSTR SUBSTRING", "STRING, INT64, INT64 -> STRING", _substr)
add("SUBSTR SUBSTRING", "BYTES, INT64 -> BYTES", f"gsql_bytes_substr({{0}}, {{1}}, {2**62})", total=True)
add("SUBSTR SUBSTRING", "BYTES, INT64, INT64 -> BYTES", "gsql_bytes_substr({0}, {1}, {2})")
add("LEFT RIGHT", "STRING, INT64 -> STRING", _side)
add("LEFT", "BYTES, INT64 -> BYTES", "gsql_bytes_left({0}, {1})")
add("RIGHT", "BYTES, INT64 -> BYTES", "gsql_bytes_right({0}, {1})")

add("STRPOS INSTR", "STRING, STRING -> INT64", "strpos({0}, {1})", total=True)
add("STRPOS INSTR", "BYTES, BYTES -> INT64", "gsql_bytes_instr({0}, {1}, 1, 1)", total=True)
add("INSTR", "STRING, STRING, INT64 -> INT64", "gsql_instr({0}, {1}, {2}, 1)")
add("INSTR", "STRING, STRING, INT64, INT64 -> INT64", "gsql_instr({0}, {1}, {2}, {3})")
add("INSTR", "BYTES, BYTES, INT64 -> INT64", "gsql_bytes_instr({0}, {1}, {2}, 1)")
add("INSTR", "BYTES, BYTES, INT64, INT64 -> INT64", "gsql_bytes_instr({0}, {1}, {2}, {3})")
add("STARTS_WITH", "STRING, STRING -> BOOL", "starts_with({0}, {1})", total=True)
add("ENDS_WITH", "STRING, STRING -> BOOL", "suffix({0}, {1})", total=True)
add("STARTS_WITH", "BYTES, BYTES -> BOOL", "gsql_bytes_starts_with({0}, {1})", total=True)
add("ENDS_WITH", "BYTES, BYTES -> BOOL", "gsql_bytes_ends_with({0}, {1})", total=True)

for _name in ("TRIM", "LTRIM", "RTRIM"):
    add(_name, "STRING -> STRING", f"{_name.lower()}({{0}}, {t.literal(_WHITE)})", total=True)
    add(_name, "STRING, STRING -> STRING", f"{_name.lower()}({{0}}, {{1}})", total=True)
    add(_name, "BYTES, BYTES -> BYTES", f"gsql_bytes_{_name.lower()}({{0}}, {{1}})", total=True)
for _name in ("LPAD", "RPAD"):
    add(_name, "STRING, INT64 -> STRING", f"gsql_{_name.lower()}({{0}}, {{1}}, ' ')")
    add(_name, "STRING, INT64, STRING -> STRING", f"gsql_{_name.lower()}({{0}}, {{1}}, {{2}})")
    add(_name, "BYTES, INT64 -> BYTES", f"gsql_bytes_{_name.lower()}({{0}}, {{1}}, encode(' '))")
    add(_name, "BYTES, INT64, BYTES -> BYTES", f"gsql_bytes_{_name.lower()}({{0}}, {{1}}, {{2}})")
add("REPEAT", "STRING, INT64 -> STRING", "gsql_repeat({0}, {1})")
add("REPEAT", "BYTES, INT64 -> BYTES", "gsql_bytes_repeat({0}, {1})")
add("REPLACE", "STRING, STRING, STRING -> STRING", "replace({0}, {1}, {2})", total=True)
add("REPLACE", "BYTES, BYTES, BYTES -> BYTES", "gsql_bytes_replace({0}, {1}, {2})", total=True)
add("TRANSLATE", "STRING, STRING, STRING -> STRING", "gsql_translate({0}, {1}, {2})")
add("TRANSLATE", "BYTES, BYTES, BYTES -> BYTES", "gsql_bytes_translate({0}, {1}, {2})")
add("SPLIT", "STRING -> ARRAY<STRING>", "string_split({0}, ',')", total=True)
_SPLIT = (
    "(CASE WHEN {0} = '' AND {1} IS NOT NULL THEN [''] WHEN {1} IS NOT NULL THEN string_split({0}, {1}) END)"
)
add("SPLIT", "STRING, STRING -> ARRAY<STRING>", sparing(_SPLIT), total=True)
add("SPLIT", "BYTES, BYTES -> ARRAY<BYTES>", "gsql_bytes_split({0}, {1})", total=True)


def _normalized(translator: Any, node: s.Call, values: list[Value]) -> str:
    form = "NFC" if len(values) == 1 else getattr(values[1].constant, "name", "")
    if form not in {"NFC", "NFD", "NFKC", "NFKD"}:
        raise translator.refused(node, f"no counterpart for {node.name} in that form")
    return f"gsql_{node.name.lower()}({values[0].sql}, '{form}')"


add("NORMALIZE NORMALIZE_AND_CASEFOLD", "STRING -> STRING", _normalized, total=True)
add("NORMALIZE NORMALIZE_AND_CASEFOLD", "STRING, PART -> STRING", _normalized, total=True)

_FIRST = "(CASE WHEN {0} = '' THEN 0 ELSE CAST(unicode({0}) AS BIGINT) END)"
add("UNICODE", "STRING -> INT64", sparing(_FIRST), total=True)
add("ASCII", "STRING -> INT64", "gsql_ascii({0})")
add("ASCII", "BYTES -> INT64", "gsql_bytes_ascii({0})", total=True)
add("CHR", "INT64 -> STRING", "gsql_character({0})")
add("TO_CODE_POINTS", "STRING -> ARRAY<INT64>", "gsql_code_points({0})", total=True)
add("TO_CODE_POINTS", "BYTES -> ARRAY<INT64>", "gsql_bytes_code_points({0})", total=True)
add("CODE_POINTS_TO_STRING", "ARRAY<INT64> -> STRING", "gsql_code_points_to_string({0})")
add("CODE_POINTS_TO_BYTES", "ARRAY<INT64> -> BYTES", "gsql_code_points_to_bytes({0})")
add("SOUNDEX", "STRING -> STRING", "gsql_soundex({0})", total=True)
add("EDIT_DISTANCE", "STRING, STRING -> INT64", "gsql_edit_distance({0}, {1})", total=True)
UNKNOWN["CONTAINS_SUBSTR"] = "Write STRPOS(LOWER(text), LOWER(part)) > 0."
UNKNOWN["COLLATE"] = "Compare LOWER(…) of both sides."
