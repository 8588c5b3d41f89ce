"""Dates and times as Google reads them from text and writes them.

Source: GoogleSQL, "Canonical format for date and time literals"; seen in its reference implementation.
"""

import datetime
import re
import zoneinfo
from collections.abc import Callable
from typing import Any

from components.shared.sources.googlesql.functions.zones import offset_of

_DATE = r"(\d{4})-(\d{1,2})-(\d{1,2})"
_TIME = r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?"
_ONLY_DATE = re.compile(_DATE, re.ASCII)
_ONLY_TIME = re.compile(_TIME, re.ASCII)
_DATETIME = re.compile(rf"{_DATE}(?:[ Tt]{_TIME})?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d{1,2}))?", re.ASCII)
_ZONED = re.compile(rf"({_DATE}(?:[ Tt]{_TIME})?)(.*)", re.ASCII | re.DOTALL)
UTC = datetime.UTC

SQL = {
    "DATE": "CAST({0} AS VARCHAR)",
    "DATETIME": r"regexp_replace(strftime({0}, '%Y-%m-%d %H:%M:%S.%f'), '(\.000)?000$', '')",
    "TIME": r"regexp_replace(strftime(DATE '1970-01-01' + {0}, '%H:%M:%S.%f'), '(\.000)?000$', '')",
    "TIMESTAMP": r"regexp_replace(strftime({0}, '%Y-%m-%d %H:%M:%S.%f+00'), '(\.000)?000\+00$', '+00')",
}
"""How DuckDB writes them; a TIMESTAMP is given as its DATETIME in UTC. A fraction has three digits or six."""


def date(text: str) -> datetime.date:
    """A DATE; ValueError if it is none."""
    found = _ONLY_DATE.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no DATE")
    return datetime.date(*map(int, found.groups()))


def time(text: str) -> datetime.time:
    """A TIME; ValueError if it is none."""
    found = _ONLY_TIME.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no TIME")
    return _at(datetime.date(2000, 1, 1), found.groups()).time()


def datetime_(text: str) -> datetime.datetime:
    """A DATETIME; ValueError if it is none."""
    found = _DATETIME.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no DATETIME")
    return _at(datetime.date(*map(int, found.groups()[:3])), found.groups()[3:])


def timestamp(text: str, zone: str = "UTC", *, zoneless: bool = False) -> datetime.datetime:
    """A TIMESTAMP, in a zone where the text names none; ValueError if it is none."""
    found = _ZONED.fullmatch(text)
    if not found:
        raise ValueError(f"'{text}' is no TIMESTAMP")
    local = datetime_(found[1])
    rest = found[found.lastindex or 0]
    if rest and zoneless:
        raise ValueError(f"'{text}' has a time zone of its own")
    offset = _written_offset(rest, timed=found[5] is not None, text=text)
    if offset is not None:
        return in_years(local.replace(tzinfo=UTC), -offset)
    return in_zone(local, rest[1:] if rest else zone)


def _written_offset(rest: str, *, timed: bool, text: str) -> int | None:
    if not rest:
        return None
    if timed and rest in {"Z", "z"}:
        return 0
    found = _OFFSET.fullmatch(rest if timed else rest[1:] if rest[0] == " " else "")
    if found:
        minutes = int(found[2]) * 60 + int(found[3] or 0)
        if int(found[3] or 0) <= 59 and minutes <= 14 * 60:
            return 60 * (minutes if found[1] == "+" else -minutes)
    if not timed or rest[0] != " " or rest[1:2] in {"+", "-"}:
        raise ValueError(f"'{text}' is no TIMESTAMP")
    return None


def _at(date_: datetime.date, parts: Any) -> datetime.datetime:
    hour, minute, second, fraction = (parts[0] or "0", parts[1] or "0", parts[2] or "0", parts[3] or "0")
    micros = int(fraction.ljust(9, "0")[:6])
    day = datetime.datetime.combine(date_, datetime.time())
    return leaping(day, int(hour), int(minute), int(second), micros)


def leaping(
    day: datetime.datetime, hour: int, minute: int, second: int, micros: int = 0
) -> datetime.datetime:
    """A day's moment; second 60 is the next minute's first, whatever the fraction."""
    if second == 60:
        try:
            return day.replace(hour=hour, minute=minute) + datetime.timedelta(minutes=1)
        except OverflowError as error:
            raise ValueError("beyond the years 1 to 9999") from error
    return day.replace(hour=hour, minute=minute, second=second, microsecond=micros)


def in_years(moment: datetime.datetime, seconds: int) -> datetime.datetime:
    """A moment and some seconds; ValueError beyond the years 1 to 9999."""
    try:
        return moment + datetime.timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError("beyond the years 1 to 9999") from error


def in_zone(local: datetime.datetime, zone: str) -> datetime.datetime:
    """The moment when a zone's clock says this; ValueError if there is no such zone."""
    offset = offset_of(zone)
    if offset is None:
        try:
            offset = int(zone_info(zone).utcoffset(local).total_seconds())  # type: ignore[union-attr] # of a zone's
        except OverflowError as error:
            raise ValueError("beyond the years 1 to 9999") from error
    return in_years(local.replace(tzinfo=UTC), -offset)


def zone_info(zone: str) -> datetime.tzinfo:
    """A zone by its name; ValueError if there is none."""
    try:
        return zoneinfo.ZoneInfo(zone)
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(f"the unknown time zone '{zone}'") from error


def offset_at(moment: datetime.datetime, zone: str) -> int:
    """The seconds east of UTC that a zone's clock shows at a moment; ValueError if there is no such zone."""
    offset = offset_of(zone)
    if offset is None:
        try:
            offset = int(moment.astimezone(zone_info(zone)).utcoffset().total_seconds())  # type: ignore[union-attr] # of a zone's
        except OverflowError as error:
            raise ValueError("beyond the years 1 to 9999") from error
    return offset


def shown(moment: datetime.datetime, zone: str) -> tuple[datetime.datetime, int]:
    """A moment as a zone writes it, and its offset: in whole minutes, as no text can say more."""
    offset = offset_at(moment, zone)
    offset -= (abs(offset) % 60) * (-1 if offset < 0 else 1)
    return in_years(moment.replace(tzinfo=None), offset), offset


READERS: dict[str, Callable[[str], Any]] = {
    "DATE": date,
    "TIME": time,
    "DATETIME": datetime_,
    "TIMESTAMP": timestamp,
}
