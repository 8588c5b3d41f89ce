"""Times, computed in Python."""

import datetime
from collections.abc import Callable

from components.shared.sources.googlesql.functions import text_of_times as text
from components.shared.sources.googlesql.functions.limits import MICROSECONDS, MONTHS
from components.shared.sources.googlesql.runtime import function

_MOST = 1048575
"""Elements that Google lets an array have that is generated."""


@function("DATE -> DATE")
def checked_date(value: datetime.date) -> datetime.date:
    """A date as it is: Python has none beyond the years 1 to 9999."""
    return value


@function("TIMESTAMP -> TIMESTAMP")
def checked_datetime(value: datetime.datetime) -> datetime.datetime:
    """A DATETIME as it is: Python has none beyond the years 1 to 9999."""
    return value


@function("TIMESTAMPTZ -> TIMESTAMPTZ")
def checked_timestamp(value: datetime.datetime) -> datetime.datetime:
    """A TIMESTAMP as it is: Python has none beyond the years 1 to 9999."""
    return value


@function("VARCHAR -> DATE")
def string_to_date(value: str) -> datetime.date:
    """CAST(STRING AS DATE)."""
    return text.date(value)


@function("VARCHAR -> TIMESTAMP")
def string_to_datetime(value: str) -> datetime.datetime:
    """CAST(STRING AS DATETIME)."""
    return text.datetime_(value)


@function("VARCHAR -> TIME")
def string_to_time(value: str) -> datetime.time:
    """CAST(STRING AS TIME)."""
    return text.time(value)


@function("VARCHAR, VARCHAR -> TIMESTAMPTZ")
def string_to_timestamp(value: str, zone: str) -> datetime.datetime:
    """CAST(STRING AS TIMESTAMP)."""
    return text.timestamp(value, zone)


@function("VARCHAR, VARCHAR -> TIMESTAMPTZ")
def zoneless_to_timestamp(value: str, zone: str) -> datetime.datetime:
    """TIMESTAMP(text, zone)."""
    return text.timestamp(value, zone, zoneless=True)


@function("TIMESTAMPTZ, VARCHAR -> VARCHAR")
def timestamp_to_string(value: datetime.datetime, zone: str) -> str:
    """STRING(TIMESTAMP, zone)."""
    local, offset = text.shown(value, zone)
    fraction = f".{local.microsecond:06}" if local.microsecond else ""
    minutes = abs(offset) // 60
    written = f"{'-' if offset < 0 else '+'}{minutes // 60:02}" + (
        f":{minutes % 60:02}" if minutes % 60 else ""
    )
    return f"{local.replace(microsecond=0).isoformat(' ')}{fraction.removesuffix('000')}{written}"


@function("TIMESTAMPTZ, VARCHAR -> TIMESTAMP")
def clock(value: datetime.datetime, zone: str) -> datetime.datetime:
    """What a zone's clock shows at a moment."""
    return text.in_years(value.replace(tzinfo=None), text.offset_at(value, zone))


@function("TIMESTAMP, VARCHAR -> TIMESTAMPTZ")
def timestamp(value: datetime.datetime, zone: str) -> datetime.datetime:
    """The moment when a zone's clock shows this, the first of two."""
    return text.in_zone(value, zone)


@function("BIGINT, BIGINT, BIGINT -> DATE")
def date_of_parts(year: int, month: int, day: int) -> datetime.date:
    """DATE(year, month, day)."""
    return datetime.date(year, month, day)


@function("BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, BIGINT -> TIMESTAMP")
def datetime_of_parts(
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> datetime.datetime:
    """DATETIME(year, month, day, hour, minute, second)."""
    return text.leaping(datetime.datetime(year, month, day), hour, minute, second)  # noqa: DTZ001 - a DATETIME has no zone


@function("BIGINT, BIGINT, BIGINT -> TIME")
def time_of_parts(hour: int, minute: int, second: int) -> datetime.time:
    """TIME(hour, minute, second)."""
    return text.leaping(datetime.datetime(2000, 1, 1), hour, minute, second).time()  # noqa: DTZ001 - a TIME has no zone


def months_later(value: datetime.datetime, months: int) -> datetime.datetime:
    """A moment some months later, on the month's last day if it has not that day; ValueError past 9999."""
    year, month = divmod(value.year * 12 + value.month - 1 + months, 12)
    if not datetime.MINYEAR <= year <= datetime.MAXYEAR:
        raise ValueError("beyond the years 1 to 9999")
    following = (
        datetime.date(year + month // 11, (month + 1) % 12 + 1, 1) if (year, month) != (9999, 11) else None
    )
    last = (following - datetime.timedelta(days=1)).day if following else 31
    return value.replace(year=year, month=month + 1, day=min(value.day, last))


def _bucket(value: datetime.datetime, months: int, origin: datetime.datetime) -> datetime.datetime:
    apart = (value.year - origin.year) * 12 + value.month - origin.month
    steps = apart // months
    found = months_later(origin, steps * months)
    return found if found <= value else months_later(origin, (steps - 1) * months)


@function("DATE, BIGINT, DATE -> DATE")
def date_bucket_of_months(value: datetime.date, months: int, origin: datetime.date) -> datetime.date:
    """DATE_BUCKET by months."""
    moments = [datetime.datetime.combine(each, datetime.time()) for each in (value, origin)]
    return _bucket(moments[0], months, moments[1]).date()


@function("TIMESTAMP, BIGINT, TIMESTAMP -> TIMESTAMP")
def datetime_bucket_of_months(
    value: datetime.datetime, months: int, origin: datetime.datetime
) -> datetime.datetime:
    """DATETIME_BUCKET by months."""
    return _bucket(value, months, origin)


def _listed(
    start: datetime.datetime,
    end: datetime.datetime,
    step: int,
    later: Callable[[datetime.datetime], datetime.datetime],
) -> list[datetime.datetime]:
    if not step:
        raise ValueError("a step of 0")
    found = []
    while start <= end if step > 0 else start >= end:
        found.append(start)
        if len(found) > _MOST:
            raise ValueError(f"an array of more than {_MOST} elements")
        try:
            start = later(start)
        except (OverflowError, ValueError):
            break
    return found


@function("DATE, DATE, BIGINT, VARCHAR -> DATE[]")
def dates(start: datetime.date, end: datetime.date, step: int, part: str) -> list[datetime.date]:
    """GENERATE_DATE_ARRAY: each from the one before it."""
    first, last = (datetime.datetime.combine(each, datetime.time()) for each in (start, end))
    if part in MONTHS:
        found = _listed(first, last, step, lambda each: months_later(each, step * MONTHS[part]))
    else:
        days = step * (7 if part == "WEEK" else 1)
        found = _listed(first, last, step, lambda each: each + datetime.timedelta(days=days))
    return [each.date() for each in found]


@function("TIMESTAMPTZ, TIMESTAMPTZ, BIGINT, VARCHAR -> TIMESTAMPTZ[]")
def timestamps(
    start: datetime.datetime, end: datetime.datetime, step: int, part: str
) -> list[datetime.datetime]:
    """GENERATE_TIMESTAMP_ARRAY."""
    return _listed(
        start, end, step, lambda each: each + datetime.timedelta(microseconds=step * MICROSECONDS[part])
    )
