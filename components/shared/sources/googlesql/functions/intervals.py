"""INTERVAL values: a number of months, of days and of microseconds, as DuckDB keeps them too."""

from dataclasses import dataclass
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.limits import MICROSECONDS, MONTHS
from components.shared.sources.googlesql.values import Scope, Value


@dataclass(frozen=True)
class Span:
    """INTERVAL number part: the number's SQL, and the number where it is written."""

    sql: str
    part: str
    number: int | None = None

    def times(self, factor: int) -> str:
        """The number in a smaller unit; more than INT64 holds raises."""
        return self.sql if factor == 1 else f"({self.sql} * {factor})"


def interval(translator: Any, node: s.Interval, value: Value) -> Value:
    """INTERVAL number part.

    Raises:
        QueryError: It is no whole number, or a part that no INTERVAL has.
    """
    part = node.part.name
    if node.to is not None or node.part.weekday or part not in MICROSECONDS | MONTHS:
        raise translator.refused(node, "no counterpart for this INTERVAL", "Write INTERVAL number part.")
    number = value.constant if value.literal == "INT64" and isinstance(value.constant, int) else None
    if value.literal == "STRING":
        text = str(value.constant)
        if not text.lstrip("+-").isdecimal() or not text.isascii():
            raise translator.refused(
                node, f"no counterpart for INTERVAL '{text}' {part}", "Write INTERVAL number part."
            )
        number = int(text)
        value = translator.value(s.Constant(at=node.at, type="INT64", value=str(number)), Scope())
    amount = translator.coerce(value, t.INT64, node)
    if number is not None and _beyond(part, number):
        sql = "CAST('an INTERVAL beyond its range' AS INTERVAL)"
    elif part in MONTHS:
        sql = f"to_months(CAST({Span(amount.sql, part).times(MONTHS[part])} AS INTEGER))"
    elif part in {"DAY", "WEEK"}:
        sql = f"to_days(CAST({Span(amount.sql, part).times(7 if part == 'WEEK' else 1)} AS INTEGER))"
    else:
        sql = f"to_microseconds({Span(amount.sql, part).times(MICROSECONDS[part])})"
    return Value(sql, t.INTERVAL, constant=Span(amount.sql, part, number))


def _beyond(part: str, number: int) -> bool:
    """Whether it is more than 10,000 years, of which Google lets none but arithmetic of *_ADD make use."""
    if part in MONTHS:
        return abs(number) * MONTHS[part] > 120000
    days = 3660000
    return abs(number) * MICROSECONDS[part] > days * MICROSECONDS["DAY"]


def extracted(translator: Any, node: s.Extract, value: Value) -> Value:
    """EXTRACT(part FROM an INTERVAL)."""
    names = {
        "YEAR": "(datepart('year', {0}))",
        "MONTH": "datepart('month', {0})",
        "DAY": "datepart('day', {0})",
        "HOUR": "datepart('hour', {0})",
        "MINUTE": "datepart('minute', {0})",
        "SECOND": "datepart('second', {0})",
    }
    if node.part.name not in names or node.zone is not None:
        raise translator.refused(node, f"no counterpart for EXTRACT({node.part.name} FROM INTERVAL)")
    return Value(names[node.part.name].format(value.sql), t.INT64)
