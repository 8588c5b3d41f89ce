"""Time zones: names and offsets, from TIMESTAMP to the clock there and back.

A clock's time that comes twice means the first, one that never comes is read with the offset before the gap:
as Google does, and Python with fold=0; DuckDB takes the second of two.
"""

import functools
import re
import zoneinfo
from dataclasses import dataclass
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.limits import as_utc, checked, from_utc
from components.shared.sources.googlesql.functions.zones_apart import APART
from components.shared.sources.googlesql.values import Value

_OFFSET = re.compile(r"(?:UTC)?([+-])(\d{1,2})(?::(\d{2}))?")


@dataclass(frozen=True)
class Zone:
    """A zone as a query gives it: its SQL, and where it is known its name or seconds east of UTC."""

    sql: str
    name: str = ""
    offset: int | None = None


UTC = Zone("'UTC'", offset=0)


def zone_of(translator: Any, node: s.Node, value: Value | None) -> Zone:
    """The zone that an argument says; UTC where there is none.

    Raises:
        QueryError: There is no such zone.
    """
    if value is None or (value.literal == "NULL" and value.sql == "NULL"):
        return UTC if value is None else Zone("CAST(NULL AS VARCHAR)")
    value = translator.coerce(value, t.STRING, node)
    if value.literal != "STRING" or not isinstance(value.constant, str):
        return Zone(value.sql)
    text = value.constant
    seconds = offset_of(text)
    if seconds is None and text not in _names():
        raise translator.refused(node, f"the unknown time zone '{text}'")
    return Zone(value.sql, text, seconds)


@functools.cache
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones()) - {"localtime", "posixrules", "Factory"}


def offset_of(text: str) -> int | None:
    """The seconds east of UTC that a zone's text says; None for a zone with a name."""
    if text in {"UTC", "Etc/UTC", "GMT"}:
        return 0
    found = _OFFSET.fullmatch(text)
    if not found:
        return None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    if int(found[3] or 0) > 59 or minutes > 14 * 60:
        return None
    return 60 * (minutes if found[1] == "+" else -minutes)


def clock(timestamp: str, zone: Zone) -> str:
    """A TIMESTAMP's DATETIME in a zone, perhaps in year 0 or 10000."""
    if zone.offset is not None:
        return (
            as_utc(timestamp)
            if not zone.offset
            else f"make_timestamp(epoch_us({timestamp}) + {zone.offset * 1000000})"
        )
    if zone.name and zone.name not in APART:
        return f"({timestamp} AT TIME ZONE {zone.sql})"
    return f"gsql_clock({timestamp}, {zone.sql})"


def datetime_in(timestamp: str, zone: Zone) -> str:
    """A TIMESTAMP's DATETIME in a zone; what lies beyond the years 1 to 9999 raises."""
    sql = clock(timestamp, zone)
    return sql if zone.offset == 0 or sql.startswith("gsql_") else checked(sql, t.DATETIME)


def timestamp_in(datetime: str, zone: Zone) -> str:
    """The TIMESTAMP of a DATETIME in a zone; what lies beyond the years 1 to 9999 raises."""
    if zone.offset == 0:
        return from_utc(datetime)
    if zone.offset is not None:
        return checked(f"make_timestamptz(epoch_us({datetime}) - {zone.offset * 1000000})", t.TIMESTAMP)
    return f"gsql_timestamp({datetime}, {zone.sql})"
