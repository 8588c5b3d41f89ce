"""PARSE_*, computed in Python: the pattern and the text are read side by side, what comes later overrides."""

import datetime
import functools
import re
from collections.abc import Callable
from dataclasses import dataclass

from components.shared.sources.googlesql.functions import text_of_times as text
from components.shared.sources.googlesql.functions.patterns_of_times import FOREIGN, pieces
from components.shared.sources.googlesql.runtime import function

_SPACE = " \t\n\r\f\v"
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_SEVERAL = {
    "D": "%m/%d/%y",
    "x": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "T": "%H:%M:%S",
    "X": "%H:%M:%S",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "c": "%a %b %e %H:%M:%S %Y",
}
_CENTURY, _PIVOT = 100, 69


@dataclass
class _Read:
    """What has been read so far."""

    text: str
    at: int = 0
    year: int = 1970
    century: int | None = None
    of_century: int | None = None
    month: int = 1
    day: int = 1
    day_of_year: int | None = None
    hour: int = 0
    half: bool = False
    """Whether the hour is of twelve."""
    afternoon: bool = False
    minute: int = 0
    second: int = 0
    micros: int = 0
    epoch: int | None = None
    offset: int | None = None
    zone: str = ""

    def number(self, low: int, high: int, digits: int) -> int:
        """A whole number without a sign."""
        found = re.compile(rf"\d{{1,{digits}}}", re.ASCII).match(self.text, self.at)
        if not found or not low <= int(found[0]) <= high:
            raise self.failed()
        self.at = found.end()
        return int(found[0])

    def name(self, names: list[str]) -> int:
        """The place of a name that stands here, whole or by three letters."""
        for place, name in enumerate(names):
            for each in (name, name[:3]):
                if self.text[self.at : self.at + len(each)].lower() == each:
                    self.at += len(each)
                    return place
        raise self.failed()

    def spaces(self) -> None:
        """Go behind white space."""
        while self.text[self.at : self.at + 1] in set(_SPACE):
            self.at += 1

    def failed(self) -> ValueError:
        """The error of a text that the pattern does not fit."""
        return ValueError(f"'{self.text}' does not fit its pattern")


def _year(read: _Read, digits: int = 4) -> None:
    read.year = read.number(0, 9999, digits)
    read.century = read.of_century = None


def _four_digits(read: _Read) -> None:
    if not re.compile(r"\d{4}", re.ASCII).match(read.text, read.at):
        raise read.failed()
    _year(read)


def _of_century(read: _Read) -> None:
    read.of_century = read.number(0, 99, 2)
    if read.century is None:
        read.year = read.of_century + (1900 if read.of_century >= _PIVOT else 2000)
    else:
        read.year = read.century * _CENTURY + read.of_century


def _century(read: _Read) -> None:
    read.century = read.number(0, 99, 2)
    read.year = read.century * _CENTURY + (read.of_century or 0)


def _month(read: _Read) -> None:
    read.month, read.day_of_year = read.number(1, 12, 2), None


def _named_month(read: _Read) -> None:
    read.month, read.day_of_year = read.name(_MONTHS) + 1, None


def _quarter(read: _Read) -> None:
    read.month, read.day, read.day_of_year = read.number(1, 4, 1) * 3 - 2, 1, None


def _day(read: _Read) -> None:
    read.day = read.number(1, 31, 2)


def _day_of_year(read: _Read) -> None:
    read.day_of_year = read.number(1, 366, 3)


def _hour(read: _Read) -> None:
    read.hour, read.half = read.number(0, 23, 2), False


def _half_hour(read: _Read) -> None:
    read.hour, read.half = read.number(1, 12, 2) % 12, True


def _noon(read: _Read) -> None:
    word = read.text[read.at : read.at + 2].lower()
    if word not in {"am", "pm"}:
        raise read.failed()
    read.afternoon, read.at = word == "pm", read.at + 2


def _minute(read: _Read) -> None:
    read.minute = read.number(0, 59, 2)


def _second(digits: int | None, read: _Read) -> None:
    """Seconds with at most so many digits behind the point; any number of them with None."""
    read.second = read.number(0, 60, 2)
    if digits == 0:
        return
    many = "" if digits is None else str(digits)
    found = re.compile(rf"\.(\d{{1,{many}}})", re.ASCII).match(read.text, read.at)
    if found:
        read.micros, read.at = int(found[1].ljust(6, "0")[:6]), found.end()


def _epoch(read: _Read) -> None:
    found = re.compile(r"-?\d{1,18}", re.ASCII).match(read.text, read.at)
    if not found:
        raise read.failed()
    read.epoch, read.at = int(found[0]), found.end()


def _offset(pattern: str, read: _Read) -> None:
    found = re.compile(pattern, re.ASCII).match(read.text, read.at)
    if not found:
        raise read.failed()
    read.at = found.end()
    minutes = int(found[2] or 0) * 60 + int(found[3] or 0)
    if int(found[3] or 0) > 59 or minutes > 14 * 60:
        raise read.failed()
    read.offset, read.zone = (-60 if found[1] == "-" else 60) * minutes, ""


def _zone(read: _Read) -> None:
    found = re.compile(r"[^ \t\n\r\f\v]+").match(read.text, read.at)
    if not found:
        raise read.failed()
    read.at, read.zone, read.offset = found.end(), found[0], None


def _weekday(read: _Read) -> None:
    read.name(_WEEKDAYS)


def _percent(read: _Read) -> None:
    if read.text[read.at : read.at + 1] != "%":
        raise read.failed()
    read.at += 1


_ELEMENTS: dict[str, Callable[[_Read], None]] = {
    "Y": _year,
    "E4Y": _four_digits,
    "y": _of_century,
    "C": _century,
    "m": _month,
    "b": _named_month,
    "B": _named_month,
    "h": _named_month,
    "Q": _quarter,
    "d": _day,
    "e": _day,
    "j": _day_of_year,
    "a": _weekday,
    "A": _weekday,
    "H": _hour,
    "I": _half_hour,
    "l": _half_hour,
    "p": _noon,
    "P": _noon,
    "M": _minute,
    "S": functools.partial(_second, 0),
    "E*S": functools.partial(_second, None),
    "s": _epoch,
    "z": functools.partial(_offset, r"([+-])(\d\d)(\d\d)?"),
    "Ez": functools.partial(_offset, r"([+-])(\d\d)(?::?(\d\d))?|Z"),
    "Z": _zone,
    "%": _percent,
    "n": _Read.spaces,
    "t": _Read.spaces,
}
_ELEMENTS |= {f"E{digits}S": functools.partial(_second, digits) for digits in range(10)}


def unknown_element(kind: str, pattern: str) -> str:
    """The first element of a pattern that PARSE_* of a type does not take; "" if it takes all."""
    for element, whole in pieces(pattern):
        if element and (element in FOREIGN[kind] or element not in _ELEMENTS.keys() | _SEVERAL.keys()):
            return whole
        if not element and whole.endswith("%"):
            return "% at the end"
    elements = {element for element, _ in pieces(pattern)}
    if "j" in elements and elements & set("mbBhdeQDxFc"):
        return "%j beside a month or a day"
    return ""


def _parsed(kind: str, pattern: str, value: str) -> _Read:
    wrong = unknown_element(kind, pattern)
    if wrong:
        raise ValueError(f"no counterpart for {wrong} in PARSE_{kind}")
    read = _Read(value)
    read.spaces()
    _follow(read, pattern)
    read.spaces()
    if read.at < len(value):
        raise read.failed()
    if read.half and read.afternoon:
        read.hour += 12
    return read


def _follow(read: _Read, pattern: str) -> None:
    found = pieces(pattern)
    for (element, whole), (following, _) in zip(found, (*found[1:], ("", "")), strict=False):
        if element == "Y" and not following:
            _year(read, 5)  # before text, not before an element
        elif element in _SEVERAL:
            _follow(read, _SEVERAL[element])
        elif element:
            _ELEMENTS[element](read)
        else:
            for character in whole:
                if character in _SPACE:
                    read.spaces()
                elif read.text[read.at : read.at + 1] == character:
                    read.at += 1
                else:
                    raise read.failed()


def _date(read: _Read) -> datetime.date:
    if read.day_of_year is None:
        return datetime.date(read.year, read.month, read.day)
    found = datetime.date(read.year, 1, 1) + datetime.timedelta(days=read.day_of_year - 1)
    if found.year != read.year:
        raise ValueError(f"the year {read.year} has no day {read.day_of_year}")
    return found


def _moment(read: _Read) -> datetime.datetime:
    if read.epoch is not None:
        return text.in_years(datetime.datetime(1970, 1, 1), read.epoch)  # noqa: DTZ001 - the clock's
    day = datetime.datetime.combine(_date(read), datetime.time())
    return text.leaping(day, read.hour, read.minute, read.second, read.micros)


@function("VARCHAR, VARCHAR -> DATE")
def parse_date(pattern: str, value: str) -> datetime.date:
    """PARSE_DATE."""
    return _date(_parsed("DATE", pattern, value))


@function("VARCHAR, VARCHAR -> TIMESTAMP")
def parse_datetime(pattern: str, value: str) -> datetime.datetime:
    """PARSE_DATETIME."""
    return _moment(_parsed("DATETIME", pattern, value))


@function("VARCHAR, VARCHAR -> TIME")
def parse_time(pattern: str, value: str) -> datetime.time:
    """PARSE_TIME."""
    return _moment(_parsed("TIME", pattern, value)).time()


@function("VARCHAR, VARCHAR, VARCHAR -> TIMESTAMPTZ")
def parse_timestamp(pattern: str, value: str, zone: str) -> datetime.datetime:
    """PARSE_TIMESTAMP."""
    read = _parsed("TIMESTAMP", pattern, value)
    moment = _moment(read)
    if read.epoch is not None:
        return moment.replace(tzinfo=text.UTC)
    if read.offset is not None:
        return text.in_years(moment.replace(tzinfo=text.UTC), -read.offset)
    return text.in_zone(moment, read.zone or zone)
