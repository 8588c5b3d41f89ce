"""FORMAT with a pattern that is known: its pieces, each made of one argument, joined."""

import re
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import add
from components.shared.sources.googlesql.values import Value

_SPECIFIER = re.compile(r"%([-+ #0']*)(\d{0,4})((?:\.\d{1,3})?)([a-zA-Z])")
_TAKES = {
    **dict.fromkeys("di", t.INT64),
    **dict.fromkeys("xXo", t.INT64),
    **dict.fromkeys("fFeEgG", t.FLOAT64),
    "s": t.STRING,
}


def _formatted(translator: Any, node: s.Call, values: list[Value]) -> str:
    pattern, rest = str(values[0].constant), values[1:]
    parts, at = ["''"], 0
    while at < len(pattern):
        percent = pattern.find("%", at)
        end = len(pattern) if percent < 0 else percent
        if end > at:
            parts.append(t.literal(pattern[at:end]))
        if percent < 0:
            break
        if pattern.startswith("%%", percent):
            parts.append("'%'")
            at = percent + 2
            continue
        found = _SPECIFIER.match(pattern, percent)
        if not found or not rest:
            raise translator.refused(node, f"no counterpart for FORMAT with '{pattern}' and these arguments")
        parts.append(_piece(translator, node, found, rest.pop(0)))
        at = found.end()
    if rest:
        raise translator.refused(node, f"more arguments than '{pattern}' takes")
    return "(" + " || ".join(parts) + ")"


def _piece(translator: Any, node: s.Call, found: "re.Match[str]", value: Value) -> str:
    flags, width, precision, letter = found.groups()
    plain = not (flags or width or precision)
    if letter in "tT" and plain:
        return _shown(translator, node, value, letter)
    wanted = _TAKES.get(letter)
    if value.type != wanted:
        raise translator.refused(node, f"no counterpart for {found[0]} of {value.type}")
    if wanted == t.STRING and not set(flags) - {"-"}:
        return value.sql if plain else f"gsql_format_string('{flags}', '{width}', '{precision}', {value.sql})"
    if letter in "di" and plain:
        return f"CAST({value.sql} AS VARCHAR)"
    if wanted == t.INT64 and not precision and not set(flags) - set("-+ 0") and len(set(flags)) == len(flags):
        return f"gsql_format_int('%{flags}{width}{letter}', {value.sql})"
    if letter in "di" and flags == "'" and not width and not precision:
        return f"gsql_format_grouped({value.sql})"
    if wanted == t.FLOAT64 and not set(flags) - set("-+ 0#") and len(set(flags)) == len(flags):
        return f"gsql_format_float('%{flags}{width}{precision}{letter}', {value.sql})"
    raise translator.refused(node, f"no counterpart for {found[0]} of {value.type}")


def _shown(translator: Any, node: s.Call, value: Value, letter: str) -> str:
    """%t and %T, which have NULL as a word."""
    sql, type_, quotes = value.sql, value.type, letter == "T"
    if value.literal == "NULL":
        return "'NULL'"
    if type_ == t.STRING:
        text = f"gsql_format_quoted({sql})" if quotes else sql
    elif type_ == t.FLOAT64:
        text = f"gsql_format_{'literal' if quotes else 'shown'}_float({sql})"
    elif type_ in {t.INT64, t.BOOL, t.NUMERIC, t.DATE, t.DATETIME, t.TIME, t.TIMESTAMP}:
        text = translator.cast(value, t.STRING, node).sql
        if quotes and type_ not in {t.INT64, t.BOOL}:
            text = f"('{type_.name} \"' || {text} || '\"')"
    else:
        raise translator.refused(node, f"no counterpart for %{letter} of {type_}")
    return f"coalesce({text}, 'NULL')"


for _count in range(len("TABCDEFGH")):
    add("FORMAT", ", ".join(["LITERAL", *"TABCDEFGH"[:_count]]) + " -> STRING", _formatted)
