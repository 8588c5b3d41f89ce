"""Arithmetic of NUMERIC, exact and rounded half away from zero, in Python."""

import math
import re
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext

from components.shared.sources.googlesql.runtime import function

EXACT = Context(prec=800, Emax=10_000, Emin=-10_000)
_QUOTIENT = Context(prec=120)
_SCALE = Decimal("1e-9")
_GREATEST = Decimal("99999999999999999999999999999.999999999")


def fitted(number: Decimal, how: str = ROUND_HALF_UP) -> Decimal:
    """A number as NUMERIC keeps it.

    Raises:
        OverflowError: It is out of NUMERIC's range.
    """
    rounded = number.quantize(_SCALE, rounding=how, context=EXACT)
    if rounded.copy_abs() > _GREATEST:
        message = f"{number:.30g} is out of NUMERIC's range"
        raise OverflowError(message)
    return rounded


@function("DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)")
def numeric_multiply(one: Decimal, other: Decimal) -> Decimal:
    """The product, half away from zero."""
    return fitted(EXACT.multiply(one, other))


@function("DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)")
def numeric_divide(one: Decimal, other: Decimal) -> Decimal:
    """The quotient, half away from zero."""
    if not other:
        message = "division by zero"
        raise ZeroDivisionError(message)
    return fitted(_QUOTIENT.divide(one, other))


@function("DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)")
def numeric_div(one: Decimal, other: Decimal) -> Decimal:
    """DIV: the quotient without its fraction."""
    if not other:
        message = "division by zero"
        raise ZeroDivisionError(message)
    return fitted(EXACT.divide_int(one, other))


@function("DECIMAL(38, 9), BIGINT -> DECIMAL(38, 9)")
def numeric_round(value: Decimal, digits: int) -> Decimal:
    """ROUND, half away from zero."""
    return _to_digits(value, digits, ROUND_HALF_UP)


@function("DECIMAL(38, 9), BIGINT, VARCHAR -> DECIMAL(38, 9)")
def numeric_round_mode(value: Decimal, digits: int, mode: str) -> Decimal:
    """ROUND in one of its two modes."""
    modes = {"ROUND_HALF_EVEN": ROUND_HALF_EVEN, "ROUND_HALF_AWAY_FROM_ZERO": ROUND_HALF_UP}
    return _to_digits(value, digits, modes[mode])


@function("DECIMAL(38, 9), BIGINT -> DECIMAL(38, 9)")
def numeric_trunc(value: Decimal, digits: int) -> Decimal:
    """TRUNC to digits."""
    return _to_digits(value, digits, ROUND_DOWN)


def _to_digits(value: Decimal, digits: int, how: str) -> Decimal:
    if digits >= 9:
        return value
    with localcontext(EXACT):
        return fitted(value.quantize(Decimal(1).scaleb(-max(digits, -40)), rounding=how))


@function("DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)")
def numeric_power(base: Decimal, exponent: Decimal) -> Decimal:
    """POW of NUMERIC."""
    if base < 0 and exponent != int(exponent):
        message = f"POW({base}, {exponent}) is outside its domain"
        raise ValueError(message)
    if not base and exponent < 0:
        message = "POW divides by zero"
        raise ZeroDivisionError(message)
    if exponent == int(exponent) and exponent.copy_abs() <= _EXACT_POWERS:
        with localcontext(EXACT):
            return fitted(base ** int(exponent))
    with localcontext(_CLOSE):
        return fitted(base**exponent)


_EXACT_POWERS = 80
_CLOSE = Context(prec=90, Emax=999_999, Emin=-999_999)


def _numeric(name: str, compute: Callable[[Decimal], Decimal]) -> None:
    def computed(value: Decimal) -> Decimal:
        with localcontext(_CLOSE):
            return fitted(compute(value))

    computed.__name__ = f"numeric_{name}"
    function("DECIMAL(38, 9) -> DECIMAL(38, 9)")(computed)


def _logarithm_of(value: Decimal) -> Decimal:
    if value <= 0:
        message = f"LN({value}) is outside its domain"
        raise ValueError(message)
    return value.ln()


def _cube_root(value: Decimal) -> Decimal:
    return (value.copy_abs() ** (Decimal(1) / 3)).copy_sign(value) if value else value


_numeric("sqrt", lambda value: value.sqrt())
_numeric("exp", lambda value: value.exp())
_numeric("ln", _logarithm_of)
_numeric("log10", lambda value: _logarithm_of(value) / Decimal(10).ln())
_numeric("cbrt", _cube_root)


@function("DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)")
def numeric_log(value: Decimal, base: Decimal) -> Decimal:
    """LOG of NUMERIC to a base."""
    with localcontext(_CLOSE):
        return fitted(_logarithm_of(value) / _logarithm_of(base))


@function("DOUBLE -> DECIMAL(38, 9)")
def float_to_numeric(value: float) -> Decimal:
    """The exact value, rounded half away from zero."""
    if not math.isfinite(value):
        message = f"{value} is no NUMERIC"
        raise ValueError(message)
    return fitted(Decimal(value))


@function("DECIMAL(38, 9) -> DOUBLE")
def numeric_to_float(value: Decimal) -> float:
    """The nearest FLOAT64."""
    return float(value)


@function("VARCHAR -> DECIMAL(38, 9)")
def string_to_numeric(text: str) -> Decimal:
    """What CAST reads; digits behind the ninth are rounded."""
    return fitted(_read(text.strip(" \t\n\r\v\f"), text))


@function("VARCHAR -> DECIMAL(38, 9)")
def parse_numeric(text: str) -> Decimal:
    """What PARSE_NUMERIC reads: commas, and spaces and a sign on either side, besides."""
    body = text.strip(" \t\n\r\v\f")
    sign = ""
    if body[:1] in {"+", "-"}:
        sign, body = body[0], body[1:]
    elif body[-1:] in {"+", "-"}:
        sign, body = body[-1], body[:-1]
    body = body.strip(" \t\n\r\v\f")
    if body[:1] in {"+", "-"}:
        body = "x"
    whole, point, rest = body.partition(".")
    return fitted(_read(sign + whole.replace(",", "") + point + rest, text))


def _read(body: str, text: str) -> Decimal:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", body, re.ASCII):
        message = f"'{text}' is no NUMERIC"
        raise ValueError(message)
    number = Decimal(body)
    if number.adjusted() < -400:
        return Decimal(0)
    if number.adjusted() > 400:
        return Decimal("1e400")
    return number
