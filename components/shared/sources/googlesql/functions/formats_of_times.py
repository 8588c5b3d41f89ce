"""FORMAT_* and PARSE_*."""

import re
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.computed_formats import KNOWN
from components.shared.sources.googlesql.functions.patterns_of_times import FOREIGN, ZONE, pieces
from components.shared.sources.googlesql.functions.signatures import add
from components.shared.sources.googlesql.functions.zones import UTC, Zone, datetime_in, zone_of
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Scope, Value

_NATIVE = {
    each: f"%{each}"
    for each in ["m", "d", "H", "M", "S", "j", "U", "W", "V", "u", "w", "A", "a", "B", "b", "y", "I", "p"]
} | {
    "%": "%%",
    "n": "\n",
    "t": "\t",
    "h": "%b",
    "D": "%m/%d/%y",
    "x": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "E4Y": "%Y",
    "Y": "%Y",
    "T": "%H:%M:%S",
    "X": "%H:%M:%S",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "E0S": "%S",
    "E3S": "%S.%g",
    "E6S": "%S.%f",
}
"""Elements that DuckDB's strftime writes alike; but %Y of years before 1000, which Google does not pad."""
_IN_UTC = {"Z": "UTC", "z": "+0000", "Ez": "+00:00"}
_SHORT = 120


def _native(kind: Type, pattern: str, zone: Zone) -> str | None:
    """DuckDB's pattern; None where an element has no counterpart there."""
    written = []
    for element, whole in pieces(pattern):
        if not element or element in FOREIGN[kind.name]:
            written.append(whole.replace("%", "%%"))
        elif element in ZONE and zone.offset == 0:
            written.append(_IN_UTC[element])
        elif element in _NATIVE:
            written.append(_NATIVE[element])
        else:
            return None
    return "".join(written)


def _formats(kind: Type) -> Any:
    def written(translator: Any, node: s.Call, values: list[Value]) -> str:
        pattern, value = values[0], values[1].sql
        zone = zone_of(translator, node, values[2]) if len(values) > 2 else UTC
        extra = f", {zone.sql}" if kind == t.TIMESTAMP else ""
        computed = f"gsql_format_{kind.name.lower()}({pattern.sql}, {value}{extra})"
        if not isinstance(pattern.constant, str) or pattern.literal == "NULL":
            return computed
        found = pieces(pattern.constant)
        for element, whole in found:
            if element and element not in KNOWN | FOREIGN[kind.name]:
                remedy = "Write %H, or %I and %p." if element in {"k", "l", "P"} else ""
                raise translator.refused(node, f"no counterpart for the format element {whole}", remedy)
        native = _native(kind, pattern.constant, zone)
        if not native or (zone.offset is None and not zone.name):
            return computed
        return _in_duckdb(kind, native, value, zone, computed, [element for element, _ in found])

    return written


def _in_duckdb(kind: Type, native: str, value: str, zone: Zone, computed: str, elements: list[str]) -> str:
    clock = {t.TIMESTAMP: datetime_in(value, zone), t.TIME: f"(DATE '1970-01-01' + {value})"}.get(kind, value)
    sql = f"strftime({clock}, {t.literal(native)})"
    if zone.offset is None:  # offsets with seconds were used until 1972, and are written in minutes
        since = "TIMESTAMPTZ '1973-01-01 00:00:00+00'"
    elif "Y" not in elements or kind == t.TIME:
        return sql
    elif elements[0] == "Y" and elements.count("Y") == 1:
        return f"ltrim({sql}, '0')"
    else:
        since = f"{t.in_duckdb(kind)} '1000-01-02'"
    if len(value) > _SHORT:
        return computed
    return f"(CASE WHEN {value} < {since} THEN {computed} ELSE {sql} END)"


for _name, _kinds in {
    "FORMAT_DATE": (t.DATE, t.DATETIME, t.TIMESTAMP),
    "FORMAT_DATETIME": (t.DATETIME, t.TIMESTAMP),
    "FORMAT_TIMESTAMP": (t.TIMESTAMP, t.DATETIME),
    "FORMAT_TIME": (t.TIME,),
}.items():
    for _kind in _kinds:
        add(_name, f"STRING, {_kind}{', STRING?' if _kind == t.TIMESTAMP else ''} -> STRING", _formats(_kind))


def _parses(kind: Type) -> Any:
    def written(translator: Any, node: s.Call, values: list[Value]) -> str:
        pattern = values[0].constant
        if isinstance(pattern, str):
            from components.shared.sources.googlesql.functions.computed_parses import unknown_element

            element = unknown_element(kind.name, pattern)
            if element:
                raise translator.refused(node, f"no counterpart for {element} in {node.name}")
        zone = zone_of(translator, node, values[2]) if len(values) > 2 else UTC
        extra = f", {zone.sql}" if kind == t.TIMESTAMP else ""
        return f"gsql_parse_{kind.name.lower()}({values[0].sql}, {values[1].sql}{extra})"

    return written


for _kind in (t.DATE, t.DATETIME, t.TIME, t.TIMESTAMP):
    add(
        f"PARSE_{_kind}",
        f"STRING, STRING{', STRING?' if _kind == t.TIMESTAMP else ''} -> {_kind}",
        _parses(_kind),
    )


_OF_CAST = {
    "YYYY": "E4Y",
    "YY": "y",
    "MM": "m",
    "DDD": "j",
    "DD": "d",
    "HH24": "H",
    "HH12": "I",
    "HH": "I",
    "MI": "M",
    "SS": "S",
    "AM": "p",
    "PM": "p",
    "Month": "B",
    "Mon": "b",
    "Day": "A",
    "Dy": "a",
}
"""Elements of CAST's FORMAT and those of FORMAT_*."""
_ELEMENT_OF_CAST = re.compile("|".join(_OF_CAST) + r"|[-./,;: ]")


def cast_with_format(translator: Any, node: s.Cast, value: Value, wanted: Type, scope: Scope) -> Value:
    """CAST(a date or time AS STRING FORMAT pattern).

    Raises:
        QueryError: Another CAST, or an element of the pattern has no counterpart.
    """
    assert node.format is not None  # noqa: S101 - the caller's
    pattern = translator.value(node.format, scope)
    kinds = {t.DATE, t.DATETIME, t.TIME, t.TIMESTAMP}
    if (
        wanted != t.STRING
        or value.type not in kinds
        or value.literal
        or not isinstance(pattern.constant, str)
    ):
        raise translator.refused(
            node, "no counterpart for this CAST with FORMAT", "Write FORMAT_… or PARSE_…."
        )
    text, at, written = pattern.constant, 0, ""
    while at < len(text):
        found = _ELEMENT_OF_CAST.match(text, at)
        element = _OF_CAST.get(found[0]) if found else None
        if found is None or element in FOREIGN[value.type.name]:
            raise translator.refused(
                node, f"no counterpart for the format '{text[at:]}'", f"Write FORMAT_{value.type}."
            )
        written += f"%{element}" if element else found[0]
        assert found is not None  # noqa: S101 - refused above
        at = found.end()
    values = [Value(t.literal(written), t.STRING, "STRING", written, total=True), value]
    if node.zone is not None:
        if value.type != t.TIMESTAMP:
            raise translator.refused(node, f"AT TIME ZONE for {value.type}")
        values.append(translator.value(node.zone, scope))
    return Value(_formats(value.type)(translator, node, values), t.STRING)
