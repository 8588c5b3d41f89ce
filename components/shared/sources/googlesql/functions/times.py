"""Dates and times: how they are made, moved and read from text."""

import datetime
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions import text_of_times
from components.shared.sources.googlesql.functions.differences import shifted
from components.shared.sources.googlesql.functions.formats_of_times import cast_with_format
from components.shared.sources.googlesql.functions.intervals import Span, interval
from components.shared.sources.googlesql.functions.limits import as_utc, checked
from components.shared.sources.googlesql.functions.parts import extract
from components.shared.sources.googlesql.functions.signatures import UNKNOWN, add
from components.shared.sources.googlesql.functions.zones import UTC, Zone, datetime_in, timestamp_in, zone_of
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Value

__all__ = ["cast_with_format", "extract", "instant", "interval", "moved"]


def instant(text: str, type_: Type) -> str | None:
    """A date, a time or both as DuckDB reads it; None where the text is none of that type."""
    try:
        value = text_of_times.READERS[type_.name](text)
    except ValueError:
        return None
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    return str(value)


def moved(translator: Any, node: s.Binary, left: Value, right: Value) -> Value:
    """A date or time and a number or an INTERVAL.

    Raises:
        QueryError: They cannot be added, or taken away.
    """
    sign = node.operator
    if sign == "+" and (left.type in {t.INT64, t.INTERVAL}) and right.type not in {t.INT64, t.INTERVAL}:
        left, right = right, left
    if left.type == t.DATE and right.type == t.INT64 and sign in {"+", "-"}:
        return Value(checked(f"({left.sql} {sign} CAST({right.sql} AS INTEGER))", t.DATE), t.DATE)
    if right.type == t.INTERVAL and isinstance(right.constant, Span) and sign in {"+", "-"}:
        if left.type == t.DATE or left.literal == "STRING":
            left = translator.coerce(left, t.DATETIME, node)
        fits = left.type == t.DATETIME or (
            left.type == t.TIMESTAMP and right.constant.part not in {"MONTH", "QUARTER", "YEAR"}
        )
        if fits:
            return Value(shifted(left.sql, right.constant, left.type, sign), left.type)
    remedy = (
        "Write DATE_DIFF, TIMESTAMP_DIFF or DATETIME_DIFF." if sign == "-" and left.type == right.type else ""
    )
    raise translator.refused(node, f"no counterpart for {left.type} {sign} {right.type}", remedy)


def _zone(translator: Any, node: s.Call, values: list[Value], place: int = 1) -> Zone:
    return zone_of(translator, node, values[place]) if len(values) > place else UTC


def _from_timestamp(template: str) -> Any:
    def written(translator: Any, node: s.Call, values: list[Value]) -> str:
        return template.format(datetime_in(values[0].sql, _zone(translator, node, values)))

    return written


def _timestamp(translator: Any, node: s.Call, values: list[Value]) -> str:
    return timestamp_in(values[0].sql, _zone(translator, node, values))


def _timestamp_of_text(translator: Any, node: s.Call, values: list[Value]) -> str:
    if len(values) == 1:
        return f"gsql_string_to_timestamp({values[0].sql}, 'UTC')"
    return f"gsql_zoneless_to_timestamp({values[0].sql}, {_zone(translator, node, values).sql})"


add("DATE", "TIMESTAMP, STRING? -> DATE", _from_timestamp("CAST({0} AS DATE)"))
add("DATE", "STRING -> DATE", "CAST(make_timestamp(epoch_us(gsql_string_to_timestamp({0}, 'UTC'))) AS DATE)")
add("DATE", "DATETIME -> DATE", "CAST({0} AS DATE)", total=True)
add("DATE", "DATE -> DATE", "{0}", total=True)
add("DATE", "INT64, INT64, INT64 -> DATE", "gsql_date_of_parts({0}, {1}, {2})")
add("DATETIME", "TIMESTAMP, STRING? -> DATETIME", _from_timestamp("{0}"))
add("DATETIME", "STRING -> DATETIME", "gsql_string_to_datetime({0})")
add("DATETIME", "DATE -> DATETIME", "CAST({0} AS TIMESTAMP)", total=True)
add("DATETIME", "DATE, TIME -> DATETIME", "({0} + {1})", total=True)
add("DATETIME", "DATETIME -> DATETIME", "{0}", total=True)
add("DATETIME", "INT64, INT64, INT64, INT64, INT64, INT64 -> DATETIME", "gsql_datetime_of_parts({all})")
add("TIME", "TIMESTAMP, STRING? -> TIME", _from_timestamp("CAST({0} AS TIME)"))
add("TIME", "DATETIME -> TIME", "CAST({0} AS TIME)", total=True)
add("TIME", "TIME -> TIME", "{0}", total=True)
add("TIME", "INT64, INT64, INT64 -> TIME", "gsql_time_of_parts({0}, {1}, {2})")
add("TIMESTAMP", "STRING, STRING? -> TIMESTAMP", _timestamp_of_text)
add("TIMESTAMP", "TIMESTAMP -> TIMESTAMP", "{0}", total=True)
add("TIMESTAMP", "DATETIME, STRING? -> TIMESTAMP", _timestamp)
add(
    "TIMESTAMP",
    "DATE, STRING? -> TIMESTAMP",
    lambda translator, node, values: _timestamp(
        translator, node, [Value(f"CAST({values[0].sql} AS TIMESTAMP)", t.DATETIME), *values[1:]]
    ),
)

add("UNIX_DATE", "DATE -> INT64", "({0} - DATE '1970-01-01')", total=True)
add("UNIX_MICROS", "TIMESTAMP -> INT64", "epoch_us({0})", total=True)
add(
    "UNIX_MILLIS",
    "TIMESTAMP -> INT64",
    "((epoch_us({0}) + 62167219200000000) // 1000 - 62167219200000)",
    total=True,
)
add(
    "UNIX_SECONDS",
    "TIMESTAMP -> INT64",
    "((epoch_us({0}) + 62167219200000000) // 1000000 - 62167219200)",
    total=True,
)
add(
    "DATE_FROM_UNIX_DATE",
    "INT64 -> DATE",
    lambda _, __, values: checked(f"(DATE '1970-01-01' + CAST({values[0].sql} AS INTEGER))", t.DATE),
)
for _unit, _factor in {"SECONDS": 1000000, "MILLIS": 1000, "MICROS": 1}.items():
    add(
        f"TIMESTAMP_{_unit} TIMESTAMP_FROM_UNIX_{_unit}",
        "INT64 -> TIMESTAMP",
        lambda _, __, values, factor=_factor: checked(
            f"make_timestamptz({values[0].sql} * {factor})", t.TIMESTAMP
        ),
    )
    add(f"TIMESTAMP_FROM_UNIX_{_unit}", "TIMESTAMP -> TIMESTAMP", "{0}", total=True)


def _now(result: str) -> Any:
    def written(translator: Any, node: s.Call, values: list[Value]) -> str:
        if result == "TIMESTAMPTZ":
            return "get_current_timestamp()"
        return (
            f"CAST({datetime_in('get_current_timestamp()', _zone(translator, node, values, 0))} AS {result})"
        )

    return written


add("CURRENT_DATE", "STRING? -> DATE", _now("DATE"))
add("CURRENT_DATETIME", "STRING? -> DATETIME", _now("TIMESTAMP"))
add("CURRENT_TIME", "STRING? -> TIME", _now("TIME"))
add("CURRENT_TIMESTAMP", "-> TIMESTAMP", _now("TIMESTAMPTZ"))


def _string_of_timestamp(translator: Any, node: s.Call, values: list[Value]) -> str:
    zone = _zone(translator, node, values)
    if zone.offset == 0:
        return text_of_times.SQL["TIMESTAMP"].format(as_utc(values[0].sql))
    return f"gsql_timestamp_to_string({values[0].sql}, {zone.sql})"


add("STRING", "TIMESTAMP, STRING? -> STRING", _string_of_timestamp)
for _each in (t.DATE, t.DATETIME, t.TIME):
    add("STRING", f"{_each} -> STRING", text_of_times.SQL[_each.name], total=True)


def _dates(translator: Any, node: s.Call, values: list[Value]) -> str:
    step: Any = Span("1", "DAY", 1) if len(values) < 3 else values[2].constant
    date = node.name == "GENERATE_DATE_ARRAY"
    allowed = (
        ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
        if date
        else ("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR", "DAY")
    )
    if not isinstance(step, Span) or step.part not in allowed:
        raise translator.refused(node, f"no counterpart for this INTERVAL in {node.name}")
    name = "gsql_dates" if date else "gsql_timestamps"
    return f"{name}({values[0].sql}, {values[1].sql}, {step.sql}, '{step.part}')"


add("GENERATE_DATE_ARRAY", "DATE, DATE, INTERVAL? -> ARRAY<DATE>", _dates)
add("GENERATE_TIMESTAMP_ARRAY", "TIMESTAMP, TIMESTAMP, INTERVAL -> ARRAY<TIMESTAMP>", _dates)

UNKNOWN["MAKE_INTERVAL"] = UNKNOWN["JUSTIFY_HOURS"] = UNKNOWN["JUSTIFY_DAYS"] = UNKNOWN[
    "JUSTIFY_INTERVAL"
] = "Write INTERVAL number part where it is added."
