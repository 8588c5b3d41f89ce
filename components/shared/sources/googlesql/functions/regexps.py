"""Regular expressions: RE2 in DuckDB as in BigQuery, by patterns that are literals.

Source: GoogleSQL, "String functions"; RE2's syntax.
"""

import re
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import UNKNOWN, add
from components.shared.sources.googlesql.values import Value

_GROUP = re.compile(r"\\.|\[(?:\\.|[^\]\\])+\]|(?P<group>\((?!\?)|\(\?P?<)", re.DOTALL)
_UNSURE = re.compile(r"\)\s*(?:[?*]|\{0)|\|")
"""A group that may match nothing: readers differ in what it then gives."""


def _groups(translator: Any, node: s.Call, pattern: str) -> int:
    count = sum(1 for found in _GROUP.finditer(pattern) if found["group"])
    if count > 1:
        raise translator.refused(node, f"a pattern of {count} groups in {node.name}")
    if count and _UNSURE.search(pattern):
        raise translator.refused(
            node, "no counterpart for a group that may match nothing", "Use (?:…) for what is optional."
        )
    return count


def _may_be_empty(pattern: str) -> bool:
    """Whether a pattern may match nothing, as far as Python's reading of it says."""
    try:
        return re.search(pattern, "") is not None
    except re.error:
        return True


def _pattern(values: list[Value]) -> str:
    return str(values[1].constant)


def _extract(translator: Any, node: s.Call, values: list[Value]) -> str:
    group = _groups(translator, node, _pattern(values))
    occurrence = values[3] if len(values) > 3 else Value("1", t.INT64, constant=1)
    if any(not isinstance(each.constant, int) or each.constant < 1 for each in (*values[2:], occurrence)):
        raise translator.refused(
            node, f"no counterpart for a position that is no positive literal in {node.name}"
        )
    if len(values) > 2 and values[2].constant != 1:
        raise translator.refused(node, f"no counterpart for a position other than 1 in {node.name}")
    found = f"regexp_extract_all({values[0].sql}, {values[1].sql}, {group})"
    if occurrence.constant != 1 and _may_be_empty(_pattern(values)):
        raise translator.refused(node, "no counterpart for the nth match of a pattern that may match nothing")
    return f"list_extract({found}, {occurrence.constant})"


def _extract_all(translator: Any, node: s.Call, values: list[Value]) -> str:
    if _may_be_empty(_pattern(values)):
        raise translator.refused(node, "no counterpart for every match of a pattern that may match nothing")
    group = _groups(translator, node, _pattern(values))
    return f"regexp_extract_all({values[0].sql}, {values[1].sql}, {group})"


def _position(translator: Any, node: s.Call, values: list[Value]) -> str:
    if _may_be_empty(_pattern(values)):
        raise translator.refused(node, "no counterpart for REGEXP_INSTR of a pattern that may match nothing")
    if _groups(translator, node, _pattern(values)):
        raise translator.refused(node, "no counterpart for a group in REGEXP_INSTR")
    before = f"regexp_extract({values[0].sql}, {t.literal('(?s)^(.*?)(?:' + _pattern(values) + ')')}, 1)"
    matches = f"regexp_matches({values[0].sql}, {values[1].sql})"
    return f"(CASE WHEN {matches} THEN length({before}) + 1 WHEN {values[0].sql} IS NOT NULL THEN 0 END)"


add("REGEXP_CONTAINS", "STRING, LITERAL -> BOOL", "regexp_matches({0}, {1})", total=True)
for _name in ("REGEXP_EXTRACT", "REGEXP_SUBSTR"):
    add(_name, "STRING, LITERAL, INT64?, INT64? -> STRING", _extract, total=True)
add("REGEXP_EXTRACT_ALL", "STRING, LITERAL -> ARRAY<STRING>", _extract_all, total=True)
add("REGEXP_REPLACE", "STRING, LITERAL, LITERAL -> STRING", "regexp_replace({0}, {1}, {2}, 'g')")
add("REGEXP_INSTR", "STRING, LITERAL -> INT64", _position, total=True)
for _name in ("REGEXP_CONTAINS", "REGEXP_EXTRACT", "REGEXP_EXTRACT_ALL", "REGEXP_REPLACE", "REGEXP_INSTR"):
    UNKNOWN[_name] = "Write the pattern as a literal, over a STRING."
