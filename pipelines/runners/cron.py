"""When a schedule starts runs: five fields of unix-cron and a time zone, checked before any call."""

import re
import zoneinfo
from dataclasses import dataclass

from configs.errors import SettingsError, did_you_mean

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")
_DAYS_IN = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class Field:
    """One of the five."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    """Names of its values, from `low` on."""


_FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, _MONTHS),
    Field("day of the week", 0, 7, _DAYS),
)


@dataclass(frozen=True)
class Timing:
    """When runs start, and how many may go on at once.

    Args:
        cron: Five fields.
        time_zone: Of the IANA database.
        max_concurrent: Runs at once; one that is due while they go on is skipped.
    """

    cron: str
    time_zone: str
    max_concurrent: int

    @property
    def expression(self) -> str:
        """As Vertex AI takes it."""
        return f"TZ={self.time_zone} {self.cron}"


def timing(cron: str, time_zone: str, max_concurrent: int) -> Timing:
    """What a person asked for, checked.

    Raises:
        SettingsError: A field that cannot be, a day that never comes, an unknown time zone, no run at all.
    """
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        raise _wrong(cron, "five fields: minute hour day month weekday", f"{len(fields)}")
    values = [_values(cron, field, text) for field, text in zip(_FIELDS, fields, strict=True)]
    _check_that_it_comes(cron, days=values[2], months=values[3], weekdays=fields[4])
    _check_zone(time_zone)
    if max_concurrent < 1:
        raise SettingsError("--max-concurrent", expected="at least 1", got=str(max_concurrent))
    return Timing(" ".join(fields), time_zone, max_concurrent)


def split(expression: str) -> tuple[str, str]:
    """The cron and the time zone of what Vertex AI keeps; without one it is UTC."""
    found = re.fullmatch(r"(?:CRON_)?TZ=(\S+)\s+(.*)", expression)
    return (found[2], found[1]) if found else (expression, "UTC")


def _values(cron: str, field: Field, text: str) -> set[int]:
    """The values that a field names."""
    values: set[int] = set()
    for item in text.split(","):
        found = _ITEM.fullmatch(item)
        if found is None or (found["first"] == "*" and found["last"]):
            raise _wrong(cron, f"{field.name} like 5, 1-5, */15 or 1,3", f"'{item}'")
        first, last = _ends(cron, field, found)
        step = int(found["step"] or 1)
        if last < first or step < 1:
            raise _wrong(cron, f"{field.name} from low to high, in steps of at least 1", f"'{item}'")
        values.update(range(first, last + 1, step))
    return values


def _ends(cron: str, field: Field, found: re.Match[str]) -> tuple[int, int]:
    if found["first"] == "*":
        return field.low, field.high
    first = _number(cron, field, found["first"])
    if found["last"]:
        return first, _number(cron, field, found["last"])
    return first, field.high if found["step"] else first


def _number(cron: str, field: Field, text: str) -> int:
    if text.upper() in field.words:
        return field.low + field.words.index(text.upper())
    if not text.isascii() or not text.isdigit() or not field.low <= int(text) <= field.high:
        words = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
        raise _wrong(cron, f"{field.name} from {field.low} to {field.high}{words}", f"'{text}'")
    return int(text)


def _check_that_it_comes(cron: str, *, days: set[int], months: set[int], weekdays: str) -> None:
    """Refuse 30 February: nothing would ever run. A named weekday comes in any month."""
    if weekdays == "*" and all(min(days) > _DAYS_IN[month - 1] for month in months):
        raise _wrong(cron, "a day that comes", f"day {min(days)} of month {min(months)}")


def _check_zone(time_zone: str) -> None:
    known = zoneinfo.available_timezones()
    if time_zone in known:
        return
    raise SettingsError(
        f"time zone '{time_zone}'",
        expected="one of the IANA database, such as Europe/Zurich or UTC",
        remedy=did_you_mean(time_zone, known),
    )


def _wrong(cron: str, expected: str, got: str) -> SettingsError:
    return SettingsError(
        f"cron '{cron}'",
        expected=expected,
        got=got,
        remedy='E.g. --cron "0 6 * * 1-5": 6:00 on working days.',
    )
