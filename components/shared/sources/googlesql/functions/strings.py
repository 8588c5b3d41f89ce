"""Strings and bytes: lengths, parts, cases, padding, codes.

Source: GoogleSQL, "String functions". Where DuckDB computes beyond ASCII as Google does, it is asked;
elsewhere plain ASCII goes to DuckDB and the rest to Python.
"""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.functions.signatures import UNKNOWN, add
from components.shared.sources.googlesql.values import Value


def _joined(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    return "(" + " || ".join(each.sql for each in values) + ")"


def _ascii_or(native: str, computed: str) -> str:
    """DuckDB's function where a string has as many bytes as characters, else one in Python."""
    return "(CASE WHEN strlen({0}) = length({0}) THEN " + native + " ELSE " + computed + " END)"


def _at_least(smallest: int, native: str, computed: str) -> Any:
    """DuckDB's function where every number is a literal that is no smaller, else one in Python."""

    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        del translator, node
        numbers = [each.constant for each in values[1:]]
        plain = all(
            isinstance(each, int) and each >= low for each, low in zip(numbers, (smallest, 0), strict=False)
        )
        return f"{native if plain else computed}({', '.join(each.sql for each in values)})"

    return make


add("LENGTH", "STRING -> INT64", "length({0})", total=True)
add("LENGTH", "BYTES -> INT64", "octet_length({0})", total=True)
add("CHAR_LENGTH CHARACTER_LENGTH", "STRING -> INT64", "length({0})", total=True)
add("BYTE_LENGTH OCTET_LENGTH", "STRING -> INT64", "strlen({0})", total=True)
add("BYTE_LENGTH OCTET_LENGTH", "BYTES -> INT64", "octet_length({0})", total=True)
add("CONCAT", "STRING, STRING… -> STRING", _joined, total=True)
add("CONCAT", "BYTES, BYTES… -> BYTES", _joined, total=True)
add("UPPER", "STRING -> STRING", _ascii_or("upper({0})", "gsql_upper({0})"), total=True)
add("LOWER", "STRING -> STRING", _ascii_or("lower({0})", "gsql_lower({0})"), total=True)
add("INITCAP", "STRING, STRING? -> STRING", "gsql_initcap({0})", total=True)
add("REVERSE", "STRING -> STRING", _ascii_or("reverse({0})", "gsql_reverse({0})"), total=True)
add("REVERSE", "BYTES -> BYTES", "gsql_reverse_bytes({0})", total=True)
for _name in ("SUBSTR", "SUBSTRING"):
    add(_name, "STRING, INT64 -> STRING", _at_least(1, "substring", "gsql_substr_from"), total=True)
    add(_name, "STRING, INT64, INT64 -> STRING", _at_least(1, "substring", "gsql_substr"))
    add(_name, "BYTES, INT64 -> BYTES", "gsql_substr_bytes_from({0}, {1})", total=True)
    add(_name, "BYTES, INT64, INT64 -> BYTES", "gsql_substr_bytes({0}, {1}, {2})")
add("LEFT", "STRING, INT64 -> STRING", _at_least(0, '"left"', "gsql_leftmost"))
add("RIGHT", "STRING, INT64 -> STRING", _at_least(0, '"right"', "gsql_rightmost"))
add("STRPOS", "STRING, STRING -> INT64", "CAST(instr({0}, {1}) AS BIGINT)", total=True)
add("INSTR", "STRING, STRING -> INT64", "CAST(instr({0}, {1}) AS BIGINT)", total=True)
add("INSTR", "STRING, STRING, INT64 -> INT64", "gsql_instr({0}, {1}, {2}, 1)")
add("INSTR", "STRING, STRING, INT64, INT64 -> INT64", "gsql_instr({0}, {1}, {2}, {3})")
add("STARTS_WITH", "STRING, STRING -> BOOL", "starts_with({0}, {1})", total=True)
add("ENDS_WITH", "STRING, STRING -> BOOL", "suffix({0}, {1})", total=True)
add("TRIM", "STRING -> STRING", "gsql_trim({0})", total=True)
add("LTRIM", "STRING -> STRING", "gsql_ltrim({0})", total=True)
add("RTRIM", "STRING -> STRING", "gsql_rtrim({0})", total=True)
for _name in ("TRIM", "LTRIM", "RTRIM"):
    add(_name, "STRING, STRING -> STRING", f"gsql_{_name.lower()}_of({{0}}, {{1}})", total=True)
for _name in ("LPAD", "RPAD"):
    add(_name, "STRING, INT64 -> STRING", f"gsql_{_name.lower()}({{0}}, {{1}}, ' ')")
    add(_name, "STRING, INT64, STRING -> STRING", f"gsql_{_name.lower()}({{0}}, {{1}}, {{2}})")
add("REPEAT", "STRING, INT64 -> STRING", "gsql_repeated({0}, {1})")
add("REPLACE", "STRING, STRING, STRING -> STRING", "gsql_replaced({0}, {1}, {2})", total=True)
add("TRANSLATE", "STRING, STRING, STRING -> STRING", "gsql_translated({0}, {1}, {2})")
add("SPLIT", "STRING, LITERAL? -> ARRAY<STRING>", lambda _, __, values: _split(values), total=True)
add("ASCII", "STRING -> INT64", "gsql_ascii_code({0})")
add("UNICODE", "STRING -> INT64", "gsql_unicode_code({0})", total=True)
add("CHR", "INT64 -> STRING", "gsql_character({0})")
add("TO_CODE_POINTS", "STRING -> ARRAY<INT64>", "gsql_code_points({0})", total=True)
add("TO_CODE_POINTS", "BYTES -> ARRAY<INT64>", "gsql_code_points_of_bytes({0})", total=True)
add("CODE_POINTS_TO_STRING", "ARRAY<INT64> -> STRING", "gsql_of_code_points({0})")
add("NORMALIZE", "STRING -> STRING", "gsql_normalized({0}, 'NFC')", total=True)
add(
    "NORMALIZE", "STRING, PART -> STRING", lambda _, __, values: _normalized("normalized", values), total=True
)
add("NORMALIZE_AND_CASEFOLD", "STRING -> STRING", "gsql_casefolded({0}, 'NFC')", total=True)
add(
    "NORMALIZE_AND_CASEFOLD",
    "STRING, PART -> STRING",
    lambda _, __, v: _normalized("casefolded", v),
    total=True,
)
add("SOUNDEX", "STRING -> STRING", "gsql_soundex({0})", total=True)
add("EDIT_DISTANCE", "STRING, STRING -> INT64", "gsql_edit_distance({0}, {1})", total=True)
add("TO_HEX", "BYTES -> STRING", "lower(hex({0}))", total=True)
add("FROM_HEX", "STRING -> BYTES", "gsql_from_hex({0})")
add("TO_BASE64", "BYTES -> STRING", "base64({0})", total=True)
add("FROM_BASE64", "STRING -> BYTES", "gsql_from_base64({0})")
add("SAFE_CONVERT_BYTES_TO_STRING", "BYTES -> STRING", "gsql_of_any_bytes({0})", total=True)
for _name in ("MD5", "SHA1", "SHA256", "SHA512"):
    add(_name, "STRING -> BYTES", f"gsql_{_name.lower()}(encode({{0}}))", total=True)
    add(_name, "BYTES -> BYTES", f"gsql_{_name.lower()}({{0}})", total=True)
add("FARM_FINGERPRINT", "STRING -> INT64", "gsql_fingerprint(encode({0}))", total=True)
add("FARM_FINGERPRINT", "BYTES -> INT64", "gsql_fingerprint({0})", total=True)
UNKNOWN["CONTAINS_SUBSTR"] = "Write STRPOS(LOWER(text), 'part') > 0."


def _split(values: list[Value]) -> str:
    separator = values[1] if len(values) > 1 else None
    if separator is None:
        return f"string_split({values[0].sql}, ',')"
    if separator.constant == "":
        return f"gsql_characters({values[0].sql})"
    return f"string_split({values[0].sql}, {separator.sql})"


def _normalized(function: str, values: list[Value]) -> str:
    mode: Any = values[1].constant
    return f"gsql_{function}({values[0].sql}, '{mode.name}')"
