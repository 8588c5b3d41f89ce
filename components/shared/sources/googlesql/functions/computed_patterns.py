"""What FORMAT makes of one argument, computed in Python."""

import math
import re

from components.shared.sources.googlesql.functions.computed_casts import float_to_string
from components.shared.sources.googlesql.runtime import function


@function("VARCHAR, VARCHAR, VARCHAR, VARCHAR -> VARCHAR")
def format_string(flags: str, width: str, precision: str, text: str) -> str:
    """%s with a width or a precision, both in code points."""
    return f"%{flags}{width}{precision}s" % text


@function("VARCHAR, BIGINT -> VARCHAR")
def format_int(specifier: str, number: int) -> str:
    """%d, %x, %X and %o with flags."""
    return specifier.replace("i", "d") % number


@function("BIGINT -> VARCHAR")
def format_grouped(number: int) -> str:
    """%'d."""
    return f"{number:,}"


@function("VARCHAR, DOUBLE -> VARCHAR")
def format_float(specifier: str, number: float) -> str:
    """%f, %e, %g with flags; a negative zero has no sign."""
    if not math.isfinite(number):
        flags, behind = re.match("%([-+ #0]*)(.*)", specifier).groups()  # type: ignore[union-attr] # always matches
        specifier = f"%{flags.replace('0', '')}{behind}"
    return specifier % (number or 0.0)


@function("DOUBLE -> VARCHAR")
def format_shown_float(number: float) -> str:
    """%t of a FLOAT64: a whole number has `.0` behind."""
    text = "-0" if str(number) == "-0.0" else float_to_string(number)
    return text if any(mark in text for mark in ".enf") else f"{text}.0"


@function("DOUBLE -> VARCHAR")
def format_literal_float(number: float) -> str:
    """%T of a FLOAT64."""
    text = format_shown_float(number)
    return f'CAST("{text}" AS FLOAT64)' if "n" in text else text


@function("VARCHAR -> VARCHAR")
def format_quoted(text: str) -> str:
    """%T of a STRING; what would need more than quotes escaped is an error."""
    if "\\" in text or not text.isprintable():
        message = "FORMAT('%T') of a text with backslashes or control characters"
        raise ValueError(message)
    return '"' + text.replace('"', '\\"') + '"'
