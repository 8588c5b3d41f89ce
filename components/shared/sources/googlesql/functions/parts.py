"""EXTRACT, *_TRUNC and LAST_DAY."""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.limits import (
    MICROSECONDS,
    YEAR_0,
    as_utc,
    checked,
    from_utc,
)
from components.shared.sources.googlesql.functions.signatures import add
from components.shared.sources.googlesql.functions.zones import (
    Zone,
    clock,
    datetime_in,
    timestamp_in,
    zone_of,
)
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Value

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
DAYS = frozenset(("DAY", "WEEK", "ISOWEEK", "MONTH", "QUARTER", "YEAR", "ISOYEAR"))
CLOCK = frozenset(("MICROSECOND", "MILLISECOND", "SECOND", "MINUTE", "HOUR"))
_NUMBERS = {
    "YEAR": "year({0})",
    "ISOYEAR": "isoyear({0})",
    "QUARTER": "quarter({0})",
    "MONTH": "month({0})",
    "ISOWEEK": "week({0})",
    "DAY": "day({0})",
    "DAYOFWEEK": "(dayofweek({0}) + 1)",
    "DAYOFYEAR": "dayofyear({0})",
    "HOUR": "hour({0})",
    "MINUTE": "minute({0})",
    "SECOND": "second({0})",
    "MILLISECOND": "(millisecond({0}) % 1000)",
    "MICROSECOND": "(microsecond({0}) % 1000000)",
}
_ALLOWED = {
    t.DATE: DAYS | {"DAYOFWEEK", "DAYOFYEAR"},
    t.TIME: CLOCK,
    t.DATETIME: DAYS | CLOCK | {"DAYOFWEEK", "DAYOFYEAR", "DATE", "TIME"},
    t.TIMESTAMP: DAYS | CLOCK | {"DAYOFWEEK", "DAYOFYEAR", "DATE", "TIME", "DATETIME"},
}


def first_day(part: s.Part) -> int:
    """The day that a week begins with, Monday being 0."""
    return 0 if part.name == "ISOWEEK" else WEEKDAYS.index(part.weekday or "SUNDAY")


def extract(translator: Any, node: s.Extract, value: Value, zone: Value | None) -> Value:
    """EXTRACT(part FROM value AT TIME ZONE zone).

    Raises:
        QueryError: The value has no such part.
    """
    part = node.part
    if value.type == t.INTERVAL:
        from components.shared.sources.googlesql.functions.intervals import extracted

        return extracted(translator, node, value)
    if value.literal == "NULL":
        value = translator.coerce(value, t.TIMESTAMP, node)
    if part.name not in _ALLOWED.get(value.type, ()):
        raise translator.refused(node, f"no counterpart for EXTRACT({part.name} FROM {value.type})")
    if zone is not None and value.type != t.TIMESTAMP:
        raise translator.refused(node, f"AT TIME ZONE behind {value.type}")
    sql = value.sql
    if value.type == t.TIMESTAMP:
        where = zone_of(translator, node, zone)
        dated = part.name in {"DATE", "DATETIME"}
        sql = datetime_in(sql, where) if dated else clock(sql, where)
    if part.name in {"DATE", "TIME", "DATETIME"}:
        type_ = t.SIMPLE[part.name]
        return Value(
            sql if part.name == "DATETIME" else f"CAST({sql} AS {part.name})",
            type_,
            total=value.total and zone is None,
        )
    return Value(_number(part, sql), t.INT64, total=value.total and zone is None)


def _number(part: s.Part, sql: str) -> str:
    if part.name != "WEEK":
        return _NUMBERS[part.name].format(sql)
    shift = (6 - first_day(part)) % 7
    weekday = f"((dayofweek({sql}) + {shift}) % 7)" if shift else f"dayofweek({sql})"
    return f"((dayofyear({sql}) + 6 - {weekday}) // 7)"


def part_of(translator: Any, node: s.Call, value: Value, allowed: frozenset[str]) -> s.Part:
    """The part that an argument names.

    Raises:
        QueryError: The function takes no such part.
    """
    part = value.constant
    assert isinstance(part, s.Part)  # noqa: S101 - the type PART's promise
    if part.name not in allowed:
        raise translator.refused(node, f"no counterpart for {part.name} in {node.name}")
    return part


def _truncated_date(part: s.Part, sql: str) -> str:
    if part.name == "DAY":
        return sql
    if part.name not in {"WEEK", "ISOWEEK"}:
        return f"CAST(date_trunc('{part.name.lower()}', {sql}) AS DATE)"
    shift = first_day(part)
    if not shift:
        return f"CAST(date_trunc('week', {sql}) AS DATE)"
    return checked(f"(CAST(date_trunc('week', {sql} - {shift}) AS DATE) + {shift})", t.DATE)


def _truncated(part: s.Part, sql: str) -> str:
    """A DATETIME's, from the microseconds since year 0 where the part has a fixed length."""
    if part.name in {"MONTH", "QUARTER", "YEAR", "ISOYEAR"}:
        return f"date_trunc('{part.name.lower()}', {sql})"
    length = MICROSECONDS["WEEK" if part.name == "ISOWEEK" else part.name]
    shift = YEAR_0
    if part.name in {"WEEK", "ISOWEEK"}:
        shift = YEAR_0 - ((first_day(part) + 2) % 7) * MICROSECONDS["DAY"]
    cut = f"make_timestamp((epoch_us({sql}) + {shift}) // {length} * {length} - {shift})"
    return cut if part.name != "WEEK" or not first_day(part) else checked(cut, t.DATETIME)


def _date_trunc(translator: Any, node: s.Call, values: list[Value]) -> str:
    return _truncated_date(part_of(translator, node, values[1], DAYS), values[0].sql)


def _datetime_trunc(translator: Any, node: s.Call, values: list[Value]) -> str:
    part = part_of(translator, node, values[1], DAYS | CLOCK)
    return values[0].sql if part.name == "MICROSECOND" else _truncated(part, values[0].sql)


def _trunc_of_midnight(translator: Any, node: s.Call, values: list[Value]) -> str:
    """A DATE as a DATETIME, by its own parts alone."""
    part = part_of(translator, node, values[1], DAYS)
    return f"CAST({_truncated_date(part, values[0].sql)} AS TIMESTAMP)"


def _timestamp_trunc(translator: Any, node: s.Call, values: list[Value]) -> str:
    part = part_of(translator, node, values[1], DAYS | CLOCK)
    zone = zone_of(translator, node, values[2] if len(values) > 2 else None)
    sql = values[0].sql
    if part.name == "MICROSECOND" and zone.offset is not None:
        return sql
    if zone.offset == 0:
        return from_utc(_truncated(part, as_utc(sql)))
    if part.name in CLOCK:
        return _cut_by_offset(part, sql, zone)
    return timestamp_in(_truncated(part, datetime_in(sql, zone)), zone)


def _cut_by_offset(part: s.Part, sql: str, zone: Zone) -> str:
    """The offset stays what it is: of an hour that comes twice, each is kept."""
    rest = f"(epoch_us({clock(sql, zone)}) + {YEAR_0}) % {MICROSECONDS[part.name]}"
    return checked(f"make_timestamptz(epoch_us({sql}) - {rest})", t.TIMESTAMP)


def _time_trunc(translator: Any, node: s.Call, values: list[Value]) -> str:
    length = MICROSECONDS[part_of(translator, node, values[1], CLOCK).name]
    return f"CAST(make_timestamp(epoch_us({values[0].sql}) // {length} * {length}) AS TIME)"


def _last_day(translator: Any, node: s.Call, values: list[Value]) -> str:
    part = (
        part_of(translator, node, values[1], DAYS - {"DAY"})
        if len(values) > 1
        else s.Part(at=node.at, name="MONTH")
    )
    sql = values[0].sql
    if part.name == "MONTH":
        return f"last_day({sql})"
    if part.name in {"QUARTER", "YEAR"}:
        months = 2 if part.name == "QUARTER" else 11
        return f"last_day(CAST(date_trunc('{part.name.lower()}', {sql}) AS DATE) + to_months({months}))"
    if part.name == "ISOYEAR":
        # 4 January lies in the first ISO week of each ISO year.
        next_year = f"make_date(CAST(isoyear({sql}) + 1 AS INTEGER), 1, 4)"
        return checked(f"(CAST(date_trunc('week', {next_year}) AS DATE) - 1)", t.DATE)
    shift = first_day(part)
    begun = (
        f"CAST(date_trunc('week', {sql} - {shift}) AS DATE)"
        if shift
        else f"CAST(date_trunc('week', {sql}) AS DATE)"
    )
    return checked(f"({begun} + {shift + 6})", t.DATE)


_BY_TYPE: dict[Type, Any] = {t.DATE: _date_trunc, t.DATETIME: _datetime_trunc, t.TIMESTAMP: _timestamp_trunc}
for _name, _types in {
    "DATE_TRUNC": (t.DATE, t.DATETIME, t.TIMESTAMP),
    "DATETIME_TRUNC": (t.DATETIME, t.TIMESTAMP),
    "TIMESTAMP_TRUNC": (t.TIMESTAMP, t.DATETIME),
}.items():
    for _each in _types:
        _zone = ", STRING?" if _each == t.TIMESTAMP else ""
        add(_name, f"{_each}, PART{_zone} -> {_each}", _BY_TYPE[_each])
add("DATETIME_TRUNC TIMESTAMP_TRUNC", "DATE, PART -> DATETIME", _trunc_of_midnight)
add("TIME_TRUNC", "TIME, PART -> TIME", _time_trunc, total=True)
add("LAST_DAY", "DATE, PART? -> DATE", _last_day)
add(
    "LAST_DAY",
    "DATETIME, PART? -> DATE",
    lambda translator, node, values: _last_day(
        translator, node, [Value(f"CAST({values[0].sql} AS DATE)", t.DATE), *values[1:]]
    ),
)
