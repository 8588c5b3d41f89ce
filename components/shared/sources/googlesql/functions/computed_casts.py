"""CASTs from and to STRING, computed in Python. What is no value of the type is an error.

Source: GoogleSQL, "Conversion functions".
"""

import re
from decimal import Decimal

from components.shared.sources.googlesql.runtime import function

_INTEGER = re.compile(r"\s*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(\d+))\s*", re.ASCII)
_FLOAT = re.compile(
    r"\s*[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf|infinity|nan)\s*", re.ASCII | re.IGNORECASE
)


@function("VARCHAR -> BIGINT")
def string_to_int(text: str) -> int:
    """CAST of a STRING AS INT64: decimal or hexadecimal digits, spaces around them."""
    found = _INTEGER.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no INT64")
    number = int(found[2], 16) if found[2] else int(found[3])
    number = -number if found[1] == "-" else number
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"'{text}' is beyond INT64")
    return number


@function("VARCHAR -> DOUBLE")
def string_to_float(text: str) -> float:
    """CAST of a STRING AS FLOAT64."""
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"'{text}' is no FLOAT64")
    return float(text)


@function("VARCHAR -> BOOLEAN")
def string_to_bool(text: str) -> bool:
    """CAST of a STRING AS BOOL: true or false, in upper or lower case."""
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"'{text}' is no BOOL")
    return text.lower() == "true"


@function("DOUBLE -> VARCHAR")
def float_to_string(number: float) -> str:
    """CAST of a FLOAT64 AS STRING: the fewest digits that are the same number, an exponent from 1e+15 on."""
    if number != number:  # noqa: PLR0124 - NaN
        return "nan"
    if number in {float("inf"), float("-inf")}:
        return "inf" if number > 0 else "-inf"
    sign = "-" if str(number).startswith("-") else ""
    _, digits, exponent = Decimal(repr(abs(number))).normalize().as_tuple()
    shown = "".join(map(str, digits))
    point = len(shown) + int(exponent)  # digits before the point
    if shown == "0":
        return f"{sign}0"
    if -4 < point <= 15:
        if point <= 0:
            return f"{sign}0.{'0' * -point}{shown}"
        return f"{sign}{shown[:point].ljust(point, '0')}{'.' + shown[point:] if shown[point:] else ''}"
    tail = f".{shown[1:]}" if shown[1:] else ""
    return f"{sign}{shown[0]}{tail}e{point - 1:+03d}"


@function("DECIMAL(38, 9) -> VARCHAR")
def numeric_to_string(number: Decimal) -> str:
    """CAST of a NUMERIC AS STRING, without zeros at the end."""
    return f"{number:f}".rstrip("0").rstrip(".") if number else "0"
