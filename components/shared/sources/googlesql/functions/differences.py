"""*_ADD, *_SUB, *_DIFF and *_BUCKET."""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.intervals import Span
from components.shared.sources.googlesql.functions.limits import MICROSECONDS, MONTHS, YEAR_0, checked
from components.shared.sources.googlesql.functions.parts import CLOCK, DAYS, first_day, part_of
from components.shared.sources.googlesql.functions.signatures import add
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Value

_DAY = MICROSECONDS["DAY"]
_DATES = frozenset(("DAY", "WEEK", "MONTH", "QUARTER", "YEAR"))
_ADDED = {t.DATE: _DATES, t.DATETIME: _DATES | CLOCK, t.TIMESTAMP: CLOCK | {"DAY"}, t.TIME: CLOCK}


def span_of(translator: Any, node: s.Node, value: Value, type_: Type) -> Span:
    """The number and the part that INTERVAL says.

    Raises:
        QueryError: It is another INTERVAL, or of a part that the type has not.
    """
    span = value.constant
    if isinstance(span, Span) and span.part in _ADDED[type_]:
        return span
    part = f"INTERVAL … {span.part}" if isinstance(span, Span) else "an INTERVAL without number and part"
    raise translator.refused(node, f"no counterpart for {part} with {type_}")
    return None


def shifted(sql: str, span: Span, type_: Type, sign: str) -> str:
    """A date or time and a span of one part, added with + or taken away with -."""
    if type_ == t.TIME:
        length = MICROSECONDS[span.part]
        moved = f"epoch_us({sql}) {sign} {span.times(1)} % {_DAY // length} * {length}"
        return f"CAST(make_timestamp({moved}) AS TIME)"
    if span.part in MONTHS:
        months = f"CAST({sign}{span.times(MONTHS[span.part])} AS INTEGER)"
        moved = f"({sql} + to_months({months}))"
        return checked(f"CAST({moved} AS DATE)" if type_ == t.DATE else moved, type_)
    if type_ == t.DATE:
        return checked(
            f"({sql} {sign} CAST({span.times(7 if span.part == 'WEEK' else 1)} AS INTEGER))", t.DATE
        )
    make = "make_timestamp" if type_ == t.DATETIME else "make_timestamptz"
    return checked(f"{make}(epoch_us({sql}) {sign} {span.times(MICROSECONDS[span.part])})", type_)


def _adds(type_: Type, sign: str) -> Any:
    def written(translator: Any, node: s.Call, values: list[Value]) -> str:
        return shifted(values[0].sql, span_of(translator, node, values[1], type_), type_, sign)

    return written


def _adds_to_midnight(sign: str) -> Any:
    """A DATE is moved as a DATETIME, by its own parts alone."""

    def written(translator: Any, node: s.Call, values: list[Value]) -> str:
        span = span_of(translator, node, values[1], t.DATE)
        return shifted(f"CAST({values[0].sql} AS TIMESTAMP)", span, t.DATETIME, sign)

    return written


for _sign, _word in (("+", "ADD"), ("-", "SUB")):
    for _name, _types in {
        "DATE": (t.DATE, t.DATETIME, t.TIMESTAMP),
        "DATETIME": (t.DATETIME, t.TIMESTAMP),
        "TIMESTAMP": (t.TIMESTAMP, t.DATETIME),
        "TIME": (t.TIME,),
    }.items():
        for _each in _types:
            add(f"{_name}_{_word}", f"{_each}, INTERVAL -> {_each}", _adds(_each, _sign))
        if _name in {"DATETIME", "TIMESTAMP"}:
            add(f"{_name}_{_word}", "DATE, INTERVAL -> DATETIME", _adds_to_midnight(_sign))


def _week(part: s.Part, days: str) -> str:
    """The number of a week; the days are counted from Saturday, the start of year 0."""
    return f"({days} - {(first_day(part) + 2) % 7}) // 7"


def _date_diff(translator: Any, node: s.Call, values: list[Value]) -> str:
    part = part_of(translator, node, values[2], DAYS)
    later, earlier = values[0].sql, values[1].sql
    match part.name:
        case "DAY":
            return f"({later} - {earlier})"
        case "WEEK" | "ISOWEEK":
            origin = "DATE '0001-01-01' + 366"
            return f"({_week(part, f'({later} - {origin})')} - {_week(part, f'({earlier} - {origin})')})"
        case "ISOYEAR":
            return f"(isoyear({later}) - isoyear({earlier}))"
    return f"date_diff('{part.name.lower()}', {earlier}, {later})"


def _refuse_text(translator: Any, node: s.Call, values: list[Value], name: str) -> None:
    """A text is taken for what the function's own name says, and for nothing else."""
    if node.name != name and any(each.literal == "STRING" for each in values):
        raise translator.refused(node, f"a STRING in {node.name} of other types", f"Write {name}.")


def _datetime_diff(translator: Any, node: s.Call, values: list[Value]) -> str:
    """How often the part changes between two DATETIMEs."""
    _refuse_text(translator, node, values, "DATETIME_DIFF")
    part = part_of(translator, node, values[2], DAYS | CLOCK)
    later, earlier = values[0].sql, values[1].sql
    if part.name in {"MONTH", "QUARTER", "YEAR", "ISOYEAR"}:
        return _date_diff(translator, node, values)
    if part.name in {"WEEK", "ISOWEEK"}:
        one, other = (_week(part, f"((epoch_us({each}) + {YEAR_0}) // {_DAY})") for each in (later, earlier))
        return f"({one} - {other})"
    length = MICROSECONDS[part.name]
    return f"((epoch_us({later}) + {YEAR_0}) // {length} - (epoch_us({earlier}) + {YEAR_0}) // {length})"


def _timestamp_diff(translator: Any, node: s.Call, values: list[Value]) -> str:
    """How many whole parts lie between two TIMESTAMPs."""
    _refuse_text(translator, node, values, "TIMESTAMP_DIFF")
    part = part_of(translator, node, values[2], CLOCK | {"DAY"})
    return f"((epoch_us({values[0].sql}) - epoch_us({values[1].sql})) // {MICROSECONDS[part.name]})"


def _time_diff(translator: Any, node: s.Call, values: list[Value]) -> str:
    length = MICROSECONDS[part_of(translator, node, values[2], CLOCK).name]
    return f"(epoch_us({values[0].sql}) // {length} - epoch_us({values[1].sql}) // {length})"


_DIFFS: dict[Type, Any] = {t.DATE: _date_diff, t.DATETIME: _datetime_diff, t.TIMESTAMP: _timestamp_diff}
for _name in ("DATETIME_DIFF", "TIMESTAMP_DIFF"):
    add(_name, "DATE, DATE, PART -> INT64", _date_diff, total=True)
for _name, _types in {
    "DATE_DIFF": (t.DATE, t.DATETIME, t.TIMESTAMP),
    "DATETIME_DIFF": (t.DATETIME, t.TIMESTAMP),
    "TIMESTAMP_DIFF": (t.TIMESTAMP, t.DATETIME),
}.items():
    for _each in _types:
        add(_name, f"{_each}, {_each}, PART -> INT64", _DIFFS[_each], total=True)
add("TIME_DIFF", "TIME, TIME, PART -> INT64", _time_diff, total=True)


def _bucket(type_: Type) -> Any:
    def written(translator: Any, node: s.Call, values: list[Value]) -> str:
        span: Any = values[1].constant
        if not isinstance(span, Span) or span.number is None or span.number <= 0:
            raise translator.refused(
                node, f"no counterpart for {node.name} of other than a written INTERVAL above 0"
            )
        date = type_ == t.DATE
        start = {t.DATE: "DATE '1950-01-01'", t.DATETIME: "TIMESTAMP '1950-01-01'"}.get(
            type_, "TIMESTAMPTZ '1950-01-01 00:00:00+00'"
        )
        origin = values[2].sql if len(values) > 2 else start
        if span.part in MONTHS and type_ != t.TIMESTAMP:
            months = span.number * MONTHS[span.part]
            return f"gsql_{node.name.lower()}_of_months({values[0].sql}, {months}, {origin})"
        if span.part not in ({"DAY", "WEEK"} if date else MICROSECONDS):
            raise translator.refused(node, f"no counterpart for INTERVAL … {span.part} in {node.name}")
        length = span.number * MICROSECONDS[span.part] // (_DAY if date else 1)
        bias = -(-(4000000 if date else 4000000 * _DAY) // length) * length
        if date:
            return checked(
                f"({origin} + CAST(({values[0].sql} - {origin} + {bias}) "
                f"// {length} * {length} - {bias} AS INTEGER))",
                type_,
            )
        if bias > 2**62:
            raise translator.refused(
                node, f"no counterpart for an INTERVAL of {span.number} {span.part}s in {node.name}"
            )
        make = "make_timestamp" if type_ == t.DATETIME else "make_timestamptz"
        ahead = f"(epoch_us({values[0].sql}) - epoch_us({origin}) + {bias}) // {length} * {length} - {bias}"
        return checked(f"{make}(epoch_us({origin}) + {ahead})", type_)

    return written


def _bucket_of_midnight(translator: Any, node: s.Call, values: list[Value]) -> str:
    raise translator.refused(node, f"no counterpart for {node.name} of a DATE", "Write DATE_BUCKET.")
    return values[0].sql


add("DATETIME_BUCKET", "DATE, INTERVAL, DATETIME? -> DATETIME", _bucket_of_midnight)
for _each in (t.DATE, t.DATETIME, t.TIMESTAMP):
    add(f"{_each}_BUCKET", f"{_each}, INTERVAL, {_each}? -> {_each}", _bucket(_each))
