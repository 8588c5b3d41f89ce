"""FORMAT_*, computed in Python."""

import datetime
from collections.abc import Callable

from components.shared.sources.googlesql.functions import text_of_times as text
from components.shared.sources.googlesql.functions.patterns_of_times import FOREIGN, pieces
from components.shared.sources.googlesql.runtime import function

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_SEVERAL = {
    "D": "%m/%d/%y",
    "x": "%m/%d/%y",
    "F": "%E4Y-%m-%d",
    "T": "%H:%M:%S",
    "X": "%H:%M:%S",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %E4Y",
}
Write = Callable[[datetime.datetime, int], str]


def _week(of: datetime.datetime, first: int) -> int:
    """The week of the year, the days before the first `first` (Monday 0) being week 0."""
    return (of.timetuple().tm_yday + 6 - (of.weekday() - first) % 7) // 7


def _offset(seconds: int, between: str) -> str:
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02}{between}{minutes % 60:02}"


def _zone(seconds: int) -> str:
    minutes = abs(seconds) // 60
    if not minutes:
        return "UTC"
    sign = "-" if seconds < 0 else "+"
    return f"UTC{sign}{minutes // 60:02}{minutes % 60:02}" if minutes % 60 else f"UTC{sign}{minutes // 60}"


_ELEMENTS: dict[str, Write] = {
    "%": lambda _, __: "%",
    "n": lambda _, __: "\n",
    "t": lambda _, __: "\t",
    "Y": lambda d, _: str(d.year),
    "E4Y": lambda d, _: f"{d.year:04}",
    "C": lambda d, _: f"{d.year // 100:02}",
    "y": lambda d, _: f"{d.year % 100:02}",
    "G": lambda d, _: f"{d.isocalendar()[0]:04}",
    "g": lambda d, _: f"{d.isocalendar()[0] % 100:02}",
    "V": lambda d, _: f"{d.isocalendar()[1]:02}",
    "U": lambda d, _: f"{_week(d, 6):02}",
    "W": lambda d, _: f"{_week(d, 0):02}",
    "u": lambda d, _: str(d.isoweekday()),
    "w": lambda d, _: str(d.isoweekday() % 7),
    "Q": lambda d, _: str((d.month + 2) // 3),
    "m": lambda d, _: f"{d.month:02}",
    "d": lambda d, _: f"{d.day:02}",
    "e": lambda d, _: f"{d.day:2}",
    "j": lambda d, _: f"{d.timetuple().tm_yday:03}",
    "A": lambda d, _: _DAYS[d.weekday()],
    "a": lambda d, _: _DAYS[d.weekday()][:3],
    "B": lambda d, _: _MONTHS[d.month - 1],
    "b": lambda d, _: _MONTHS[d.month - 1][:3],
    "h": lambda d, _: _MONTHS[d.month - 1][:3],
    "H": lambda d, _: f"{d.hour:02}",
    "I": lambda d, _: f"{(d.hour + 11) % 12 + 1:02}",
    "p": lambda d, _: "PM" if d.hour > 11 else "AM",
    "M": lambda d, _: f"{d.minute:02}",
    "S": lambda d, _: f"{d.second:02}",
    "E*S": lambda d, _: f"{d.second:02}" + (f".{d.microsecond:06}".rstrip("0") if d.microsecond else ""),
    "s": lambda d, offset: str((d - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1) - offset),  # noqa: DTZ001 - the clock's
    "z": lambda _, offset: _offset(offset, ""),
    "Ez": lambda _, offset: _offset(offset, ":"),
    "Z": lambda _, offset: _zone(offset),
}


def _fraction(digits: int) -> Write:
    return lambda d, _: f"{d.second:02}" + (f".{d.microsecond:06}000"[: digits + 1] if digits else "")


_ELEMENTS |= {f"E{digits}S": _fraction(digits) for digits in range(10)}
KNOWN = frozenset(_ELEMENTS) | frozenset(_SEVERAL)


def formatted(kind: str, pattern: str, value: datetime.datetime, offset: int = 0) -> str:
    """A time by a pattern; ValueError for an element that is not known."""
    written = []
    for element, whole in pieces(pattern):
        if not element or element in FOREIGN[kind]:
            written.append(whole)
        elif element in _SEVERAL:
            written.append(formatted("TIMESTAMP", _SEVERAL[element], value, offset))
        elif element in _ELEMENTS:
            written.append(_ELEMENTS[element](value, offset))
        else:
            raise ValueError(f"no counterpart for the format element {whole}")
    return "".join(written)


@function("VARCHAR, DATE -> VARCHAR")
def format_date(pattern: str, value: datetime.date) -> str:
    """FORMAT_DATE."""
    return formatted("DATE", pattern, datetime.datetime.combine(value, datetime.time()))


@function("VARCHAR, TIMESTAMP -> VARCHAR")
def format_datetime(pattern: str, value: datetime.datetime) -> str:
    """FORMAT_DATETIME."""
    return formatted("DATETIME", pattern, value)


@function("VARCHAR, TIME -> VARCHAR")
def format_time(pattern: str, value: datetime.time) -> str:
    """FORMAT_TIME."""
    return formatted("TIME", pattern, datetime.datetime.combine(datetime.date(1970, 1, 1), value))


@function("VARCHAR, TIMESTAMPTZ, VARCHAR -> VARCHAR")
def format_timestamp(pattern: str, value: datetime.datetime, zone: str) -> str:
    """FORMAT_TIMESTAMP."""
    local, offset = text.shown(value, zone)
    return formatted("TIMESTAMP", pattern, local, offset)
