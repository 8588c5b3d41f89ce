"""JSON in strings, read in Python: numbers stay as they are written, the first of two equal names counts.

Google reads a text only as far as it must. A text that is malformed from its first value on
gives NULL; one that is malformed further behind is an error here: what Google finds in it depends on where.
"""

import functools
import json
import math
import re
from decimal import Decimal
from typing import Any

from components.shared.sources.googlesql.runtime import function

_NAME = r"[A-Za-z_\u0080-\U0010ffff][\w:\-]*"
_STANDARD = re.compile(rf'\.({_NAME})|\."([^"\\]*)"|\[ *([0-9]{{1,9}}) *\]')
_LEGACY = re.compile(rf"\.({_NAME})|\['([^'\\\\]*)'\]|\[ *([0-9]{{1,9}}) *\]")
_ESCAPED = re.compile('[\x00-\x1f"\\\\\u2028\u2029]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _Object(list[Any]):
    """An object's names and values, in their order."""


@functools.lru_cache(maxsize=1024)
def steps(path: str, *, legacy: bool) -> tuple[str | int, ...] | None:
    """The names and places of a JSONPath; None where it has others."""
    if not path.startswith("$"):
        return None
    at = 1
    found: list[str | int] = []
    while at < len(path):
        step = (_LEGACY if legacy else _STANDARD).match(path, at)
        if step is None:
            return None
        plain, quoted, place = step.groups()
        if (quoted or "").isdigit():
            return None
        found.append(int(place) if place is not None else plain if plain is not None else quoted)
        at = step.end()
    return tuple(found)


def _constant(text: str) -> None:
    message = f"{text} is no JSON"
    raise ValueError(message)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Object, parse_float=_Number, parse_int=_Number, parse_constant=_constant, strict=False
)


def _read(text: str) -> Any:
    bare = text.strip(" \t\n\r")
    if not bare or not re.match(r'[\[{"0-9]|-[0-9]|true|false|null', bare):
        if bare[:1] == "'":
            _refuse(text)
        return None
    if re.search(r"\\u[dD][89a-fA-F]", bare) or re.search(r"-?(NaN|Infinity)", re.sub(r'"[^"]*"', "", bare)):
        _refuse(text)
    try:
        return _DECODER.decode(bare)
    except ValueError:
        _refuse(text)


def _refuse(text: str) -> None:
    message = f"malformed JSON: {text[:60]}"
    raise ValueError(message)


def _found(text: str, path: str, *, legacy: bool) -> Any:
    value = _read(text)
    for step in steps(path, legacy=legacy) or ():
        if isinstance(value, _Object):
            value = (
                next((each for name, each in value if name == step), None) if isinstance(step, str) else None
            )
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def _is_scalar(value: Any) -> bool:
    return not isinstance(value, list)


def _scalar(value: Any) -> str | None:
    if value is None or isinstance(value, list):
        return None
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _written(value: Any) -> str:
    if isinstance(value, _Object):
        return "{" + ",".join(f"{json_string(name)}:{_written(each)}" for name, each in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, _Number):
        return str(value)
    return json_string(value) if isinstance(value, str) else "null" if value is None else str(value).lower()


@function("VARCHAR, VARCHAR, BOOLEAN -> VARCHAR")
def json_value(text: str, path: str, legacy: bool) -> str | None:
    """JSON_VALUE and JSON_EXTRACT_SCALAR."""
    return _scalar(_found(text, path, legacy=legacy))


@function("VARCHAR, VARCHAR, BOOLEAN -> VARCHAR")
def json_query(text: str, path: str, legacy: bool) -> str | None:
    """JSON_QUERY and JSON_EXTRACT."""
    value = _found(text, path, legacy=legacy)
    return None if value is None else _written(value)


@function("VARCHAR, VARCHAR, BOOLEAN -> VARCHAR[]")
def json_query_array(text: str, path: str, legacy: bool) -> list[str] | None:
    """JSON_QUERY_ARRAY and JSON_EXTRACT_ARRAY."""
    value = _found(text, path, legacy=legacy)
    return list(map(_written, value)) if isinstance(value, list) and not isinstance(value, _Object) else None


@function("VARCHAR, VARCHAR, BOOLEAN -> VARCHAR[]")
def json_value_array(text: str, path: str, legacy: bool) -> list[str | None] | None:
    """JSON_VALUE_ARRAY and JSON_EXTRACT_STRING_ARRAY."""
    value = _found(text, path, legacy=legacy)
    if not isinstance(value, list) or isinstance(value, _Object) or not all(map(_is_scalar, value)):
        return None
    return list(map(_scalar, value))


@function("VARCHAR -> VARCHAR")
def json_string(text: str) -> str:
    """A STRING as JSON."""
    return '"' + _ESCAPED.sub(lambda found: _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}", text) + '"'


@function("DOUBLE -> VARCHAR")
def json_float(number: float) -> str:
    """A FLOAT64 as JSON."""
    from components.shared.sources.googlesql.functions.computed_casts import float_to_string

    if math.isfinite(number):
        return str(float_to_string(number))
    return '"NaN"' if math.isnan(number) else '"Infinity"' if number > 0 else '"-Infinity"'


@function("DECIMAL(38, 9) -> VARCHAR")
def json_numeric(number: Decimal) -> str:
    """A NUMERIC as JSON: in quotes unless it is a whole number that every reader keeps."""
    from components.shared.sources.googlesql.functions.computed_casts import numeric_to_string

    text = numeric_to_string(number)
    return text if "." not in text and abs(number) <= 2**53 else f'"{text}"'
