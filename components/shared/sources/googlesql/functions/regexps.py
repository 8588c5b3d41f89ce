"""Regular expressions: RE2 on both sides.

Google and DuckDB treat an empty match differently: patterns that may match nothing are refused where that
shows.
"""

import re
import warnings
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import add
from components.shared.sources.googlesql.values import Value


def _groups(pattern: str) -> int:
    """How many capturing groups a pattern has."""
    bare = re.sub(r"\\Q.*?(\\E|$)", "", pattern, flags=re.DOTALL)
    bare = re.sub(r"\\.", "", bare, flags=re.DOTALL)
    bare = re.sub(r"\[\^?\]?(\[:\^?\w+:\]|[^\]])*\]", "", bare)
    return len(re.findall(r"\((?!\?)|\(\?P?<(?![=!])", bare))


def _matches_something(pattern: str) -> bool:
    """Whether each match has at least one character, as far as Python's reader of patterns can tell."""
    bare = re.sub(r"\\[pP](\{[^}]*\}|.)", ".", pattern)
    bare = re.sub(r"\[:\^?\w+:\]", "a-z", bare)
    if "\\Q" in bare or "\\C" in bare or "\\z" in bare:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from re import _parser  # type: ignore[attr-defined] # has no public name

            return int(_parser.parse(bare).getwidth()[0]) > 0
    except re.error:
        return False


def _one_group(translator: Any, node: s.Call, pattern: str) -> int:
    found = _groups(pattern)
    if found > 1:
        raise translator.refused(node, f"{found} capturing groups in a pattern for {node.name}")
    return found


def _wide(translator: Any, node: s.Call, pattern: str) -> None:
    if not _matches_something(pattern):
        raise translator.refused(
            node, f"no counterpart for {node.name} with a pattern that may match nothing"
        )


def _positive(translator: Any, node: s.Call, values: list[Value]) -> tuple[int, int]:
    numbers = [value.constant for value in values]
    if not all(isinstance(each, int) and 0 < each < 2**31 for each in numbers):
        raise translator.refused(
            node, f"no counterpart for {node.name} from a place that is no positive number"
        )
    position, occurrence, *_ = [*numbers, 1, 1]
    return int(str(position)), int(str(occurrence))


def _extracted(translator: Any, node: s.Call, values: list[Value]) -> str:
    pattern = str(values[1].constant)
    group = _one_group(translator, node, pattern)
    text = values[0].sql
    if values[2:]:
        _wide(translator, node, pattern)
    position, occurrence = _positive(translator, node, values[2:])
    if position > 1:
        text = f"substring({text}, {position})"
    return f"list_extract(regexp_extract_all({text}, {values[1].sql}, {group}), {occurrence})"


def _all(translator: Any, node: s.Call, values: list[Value]) -> str:
    pattern = str(values[1].constant)
    group = _one_group(translator, node, pattern)
    _wide(translator, node, pattern)
    found = f"regexp_extract_all({values[0].sql}, {values[1].sql}, {group})"
    name = translator.new_name()
    return f"list_transform({found}, lambda {name}: coalesce({name}, ''))" if group else found


def _instr(translator: Any, node: s.Call, values: list[Value]) -> str:
    pattern = str(values[1].constant)
    _wide(translator, node, pattern)
    if _groups(pattern):
        raise translator.refused(
            node, "no counterpart for REGEXP_INSTR with a capturing group", "Write (?:…)."
        )
    position, occurrence = _positive(translator, node, values[2:])
    if occurrence > 1:
        raise translator.refused(node, "no counterpart for REGEXP_INSTR of a later occurrence")
    name = translator.new_name()
    inside = f"substring({name}, {position})" if position > 1 else name
    place = f"length(list_extract(string_split_regex({inside}, {values[1].sql}), 1)) + {position}"
    found = (
        f"CASE WHEN regexp_matches({inside}, {values[1].sql}) THEN {place} WHEN {name} IS NOT NULL THEN 0 END"
    )
    return f"CAST(list_extract(list_transform([{values[0].sql}], lambda {name}: {found}), 1) AS BIGINT)"


def _of_bytes(made: Any) -> Any:
    """The same for BYTES, whose bytes are taken for characters of the same numbers."""

    def through(translator: Any, node: s.Call, values: list[Value]) -> str:
        texts = []
        for value in values:
            if value.type != t.BYTES:
                texts.append(value)
            elif isinstance(value.constant, bytes):
                text = value.constant.decode("latin-1")
                texts.append(Value(t.literal(text), t.STRING, "STRING", text, total=True))
            else:
                texts.append(Value(f"gsql_latin({value.sql})", t.STRING, total=value.total))
        if not isinstance(texts[1].constant, str):
            raise translator.refused(
                node, f"no counterpart for {node.name} with a pattern of BYTES that is no literal"
            )
        return str(made(translator, node, texts))

    return through


def _contains(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    return f"regexp_matches({values[0].sql}, {values[1].sql})"


def _replaced(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    return f"regexp_replace({values[0].sql}, {values[1].sql}, {values[2].sql}, 'g')"


add("REGEXP_CONTAINS", "STRING, STRING -> BOOL", _contains)
add("REGEXP_CONTAINS", "BYTES, BYTES -> BOOL", _of_bytes(_contains))
add("REGEXP_REPLACE", "STRING, STRING, STRING -> STRING", _replaced)
for _more in ("", ", INT64", ", INT64, INT64"):
    add("REGEXP_EXTRACT REGEXP_SUBSTR", f"STRING, LITERAL{_more} -> STRING", _extracted)
add("REGEXP_EXTRACT_ALL", "STRING, LITERAL -> ARRAY<STRING>", _all)
for _more in ("", ", INT64", ", INT64, INT64"):
    add("REGEXP_INSTR", f"STRING, LITERAL{_more} -> INT64", _instr)


def _extracted_bytes(translator: Any, node: s.Call, values: list[Value]) -> str:
    return f"gsql_of_latin({_of_bytes(_extracted)(translator, node, values)})"


def _replaced_bytes(translator: Any, node: s.Call, values: list[Value]) -> str:
    return f"gsql_of_latin({_of_bytes(_replaced)(translator, node, values)})"


add("REGEXP_EXTRACT REGEXP_SUBSTR", "BYTES, BYTES -> BYTES", _extracted_bytes)
add("REGEXP_REPLACE", "BYTES, BYTES, BYTES -> BYTES", _replaced_bytes)
