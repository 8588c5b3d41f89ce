"""JSON in strings, computed in Python: numbers keep the digits that they are written with."""

import json
import re
from decimal import Decimal
from typing import Any

from components.shared.sources.googlesql.functions.computed_casts import float_to_string, numeric_to_string
from components.shared.sources.googlesql.runtime import function


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


_DECODER = json.JSONDecoder(parse_float=_Number, parse_int=_Number, parse_constant=lambda _: _refused())
_STEP = re.compile(
    r"\.(?P<name>[A-Za-z_][\w-]*)|\.\"(?P<quoted>(?:[^\"\\]|\\.)*)\"|\[(?P<index>\d+)\]", re.ASCII
)
_LEGACY_STEP = re.compile(
    r"\.(?P<name>[A-Za-z_][\w-]*)|\['(?P<quoted>(?:[^'\\]|\\.)*)'\]|\[(?P<index>\d+)\]", re.ASCII
)
_MISSING = object()


def _refused() -> Any:
    raise ValueError("NaN is no JSON")


def steps(path: str, *, legacy: bool) -> list[str | int] | None:
    """The names and places of a JSONPath; None where it is none that is known.

    Args:
        path: `$.a."b.c"[0]`; with `legacy`, `$.a['b.c'][0]`.
        legacy: Of JSON_EXTRACT and its like.
    """
    found: list[str | int] = []
    at, pattern = 1, _LEGACY_STEP if legacy else _STEP
    if not path.startswith("$"):
        return None
    while at < len(path):
        step = pattern.match(path, at)
        if step is None:
            return None
        name = step["name"] if step["name"] is not None else step["quoted"]
        found.append(int(step["index"]) if step["index"] else re.sub(r"\\(.)", r"\1", name))
        at = step.end()
    return found


def _at(text: str, path: str, legacy: bool) -> Any:
    """What lies at a path; _MISSING where the text is no JSON or nothing lies there."""
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return _MISSING
    for step in steps(path, legacy=legacy) or ():
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return _MISSING
            value = value[step]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return _MISSING
    return value


def _scalar(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str) else None


def _text(value: Any) -> str:
    """A part as JSON without spaces."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json_text(name)}:{_text(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_text, value)) + "]"
    return json_text(value) if isinstance(value, str) else json.dumps(value)


@function("VARCHAR, VARCHAR, BOOLEAN -> VARCHAR")
def json_scalar(text: str, path: str, legacy: bool) -> str | None:
    """JSON_VALUE: a string, number or boolean as text; NULL for anything else."""
    return _scalar(_at(text, path, legacy))


@function("VARCHAR, VARCHAR, BOOLEAN -> VARCHAR")
def json_part(text: str, path: str, legacy: bool) -> str | None:
    """JSON_QUERY: whatever lies there, as JSON."""
    value = _at(text, path, legacy)
    if value is _MISSING or (legacy and value is None):
        return None
    return _text(value)


@function("VARCHAR, VARCHAR, BOOLEAN -> VARCHAR[]")
def json_scalars(text: str, path: str, legacy: bool) -> list[str | None] | None:
    """JSON_VALUE_ARRAY: an array of scalars; NULL where one is none."""
    value = _at(text, path, legacy)
    if not isinstance(value, list) or any(isinstance(each, dict | list) for each in value):
        return None
    return [_scalar(each) for each in value]


@function("VARCHAR, VARCHAR, BOOLEAN -> VARCHAR[]")
def json_parts(text: str, path: str, legacy: bool) -> list[str] | None:
    """JSON_QUERY_ARRAY: an array's elements as JSON."""
    value = _at(text, path, legacy)
    return list(map(_text, value)) if isinstance(value, list) else None


@function("VARCHAR -> VARCHAR")
def json_text(text: str) -> str:
    """A string as JSON."""
    return json.dumps(text, ensure_ascii=False)


@function("BIGINT -> VARCHAR")
def json_integer(number: int) -> str:
    """An INT64 as JSON: a string beyond what a double holds exactly."""
    return str(number) if abs(number) <= 2**53 else f'"{number}"'


@function("DOUBLE -> VARCHAR")
def json_float(number: float) -> str:
    """A FLOAT64 as JSON."""
    if number - number != 0:  # NaN and infinities
        return {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}[float_to_string(number)]
    return float_to_string(number)


@function("DECIMAL(38, 9) -> VARCHAR")
def json_numeric(number: Decimal) -> str:
    """A NUMERIC as JSON: a string where a double does not hold it."""
    text = numeric_to_string(number)
    return text if Decimal(float(number)) == number else f'"{text}"'
