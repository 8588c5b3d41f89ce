"""What Google's dates and times may be: years 1 to 9999."""

from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.types import Type

_BOUNDS = {
    t.DATE: ("DATE '0001-01-01'", "DATE '9999-12-31'"),
    t.DATETIME: ("TIMESTAMP '0001-01-01 00:00:00'", "TIMESTAMP '9999-12-31 23:59:59.999999'"),
    t.TIMESTAMP: ("TIMESTAMPTZ '0001-01-01 00:00:00+00'", "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'"),
}
_SHORT = 240
"""Longer SQL is not written twice: nested calls would double it each time."""
YEAR_0 = 62167219200000000
"""Microseconds from the start of year 0 to 1970: counted from there, whole division goes downwards."""
MICROSECONDS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1000,
    "SECOND": 1000000,
    "MINUTE": 60000000,
    "HOUR": 3600000000,
    "DAY": 86400000000,
    "WEEK": 604800000000,
}
MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def checked(sql: str, type_: Type) -> str:
    """A value that raises where it lies beyond the years 1 to 9999."""
    if len(sql) > _SHORT:
        return f"gsql_checked_{type_.name.lower()}({sql})"
    low, high = _BOUNDS[type_]
    beyond = f"CAST('beyond the years 1 to 9999' AS {t.in_duckdb(type_)})"
    return f"(CASE WHEN {sql} NOT BETWEEN {low} AND {high} THEN {beyond} ELSE {sql} END)"


def as_utc(timestamp: str) -> str:
    """A TIMESTAMP's DATETIME in UTC."""
    return f"make_timestamp(epoch_us({timestamp}))"


def from_utc(datetime: str) -> str:
    """The TIMESTAMP of a DATETIME in UTC."""
    return f"make_timestamptz(epoch_us({datetime}))"
