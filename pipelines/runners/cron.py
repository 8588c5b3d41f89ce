"""When a schedule starts runs: five fields of unix-cron and a time zone, checked before any call."""

import datetime
import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass

from cronsim import CronSim, CronSimError

from configs.errors import SettingsError, did_you_mean

_FIELDS: Mapping[str, str] = {
    "minute": "minute from 0 to 59",
    "hour": "hour from 0 to 23",
    "day-of-month": "day of the month from 1 to 31, in a month that has it",
    "month": "month from 1 to 12 or JAN to DEC",
    "day-of-week": "day of the week from 0 to 7 or SUN to SAT",
}
"""By the library's names for them."""
_NOT_OF_VERTEX = re.compile(r"\d*L|LW|.*#.*", re.IGNORECASE)
"""What the library knows beyond unix-cron: the last day, the n-th weekday of a month."""


@dataclass(frozen=True)
class Timing:
    """When runs start: five fields of cron, in a time zone of the IANA database."""

    cron: str
    time_zone: str
    max_concurrent: int
    """Runs at once; one that is due while they go on is skipped."""

    @property
    def expression(self) -> str:
        """As Vertex AI takes it."""
        return f"TZ={self.time_zone} {self.cron}"


def timing(cron: str, time_zone: str, max_concurrent: int) -> Timing:
    """Times at which runs start, checked.

    Raises:
        SettingsError: A field that cannot be, a day that never comes, an unknown time zone, no run at all.
    """
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        raise _wrong(cron, "five fields: minute hour day month weekday", f"{len(fields)}")
    _check_fields(cron, dict(zip(_FIELDS, fields, strict=True)))
    if time_zone not in (known := zoneinfo.available_timezones()):
        raise SettingsError(
            f"time zone '{time_zone}'",
            expected="one of the IANA database, such as Europe/Zurich or UTC",
            remedy=did_you_mean(time_zone, known),
        )
    if max_concurrent < 1:
        raise SettingsError("--max-concurrent", expected="at least 1", got=str(max_concurrent))
    return Timing(" ".join(fields), time_zone, max_concurrent)


def split(expression: str) -> tuple[str, str]:
    """The cron and the time zone of what Vertex AI keeps; without one it is UTC."""
    found = re.fullmatch(r"(?:CRON_)?TZ=(\S+)\s+(.*)", expression)
    return (found[2], found[1]) if found else (expression, "UTC")


def _check_fields(cron: str, fields: Mapping[str, str]) -> None:
    for name, text in fields.items():
        if any(map(_NOT_OF_VERTEX.fullmatch, text.split(","))):
            raise _wrong(cron, _FIELDS[name], f"'{text}'")
    try:
        CronSim(cron, datetime.datetime.now(datetime.UTC))
    except CronSimError as error:  # which names the field: "Bad day-of-month"
        name = str(error).removeprefix("Bad ")
        raise _wrong(cron, _FIELDS[name], f"'{fields[name]}'") from error


def _wrong(cron: str, expected: str, got: str) -> SettingsError:
    example = 'E.g. --cron "0 6 * * 1-5": 6:00 on working days.'
    return SettingsError(f"cron '{cron}'", expected=expected, got=got, remedy=example)
