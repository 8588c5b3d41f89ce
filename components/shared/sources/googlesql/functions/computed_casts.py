"""Casts of strings to and from numbers, computed in Python."""

import math
import re
from decimal import Decimal

from components.shared.sources.googlesql.runtime import function

_SPACES = " \t\n\r\f\v"
_INTEGER = re.compile(r"[+-]?([0-9]+|0[xX][0-9a-fA-F]+)", re.ASCII)
_FLOAT = re.compile(
    r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|inf(inity)?|nan(\([0-9A-Za-z_]*\))?)",
    re.ASCII | re.IGNORECASE,
)
_HEX_FLOAT = re.compile(
    r"[+-]?0x([0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(p[+-]?[0-9]+)?", re.ASCII | re.IGNORECASE
)


@function("VARCHAR -> BIGINT")
def string_to_int(text: str) -> int:
    """CAST(STRING AS INT64)."""
    bare = text.strip(_SPACES)
    if not _INTEGER.fullmatch(bare):
        _refuse(text, "INT64")
    number = int(bare, 16 if "x" in bare.lower() else 10)
    if not -(2**63) <= number < 2**63:
        _refuse(text, "INT64")
    return number


@function("VARCHAR -> DOUBLE")
def string_to_float(text: str) -> float:
    """CAST(STRING AS FLOAT64)."""
    bare = text.strip(_SPACES)
    if _FLOAT.fullmatch(bare):
        return float(bare.partition("(")[0])
    if not _HEX_FLOAT.fullmatch(bare):
        _refuse(text, "FLOAT64")
    try:
        return float.fromhex(bare)
    except OverflowError:
        return -math.inf if bare.startswith("-") else math.inf


@function("VARCHAR -> BOOLEAN")
def string_to_bool(text: str) -> bool:
    """CAST(STRING AS BOOL)."""
    if text.lower() not in {"true", "false"} or not text.isascii():
        _refuse(text, "BOOL")
    return text.lower() == "true"


@function("DOUBLE -> VARCHAR")
def float_to_string(number: float) -> str:
    """CAST(FLOAT64 AS STRING): 15 digits where they suffice, else 17."""
    short = f"{number + 0.0 if number else 0.0:.15g}"
    return short if float(short) == number or math.isnan(number) else f"{number:.17g}"


@function("DECIMAL(38, 9) -> VARCHAR")
def numeric_to_string(number: Decimal) -> str:
    """CAST(NUMERIC AS STRING), without zeros at the end."""
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) if number else "0"


def _refuse(text: str, type_: str) -> None:
    message = f"'{text}' is no {type_}"
    raise ValueError(message)
