"""Arithmetic whose overflow, rounding or range DuckDB has otherwise, in Python.

Functions over FLOAT64 take whole vectors: finite numbers that give an infinite one are an error.
"""

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.sources.googlesql.runtime import function

_EXACT = Context(prec=800, Emax=10_000, Emin=-10_000)
_SCALE = Decimal("1e-9")
_GREATEST = Decimal("99999999999999999999999999999.999999999")
_LAST_INTEGER = 2**63 - 1


def _finite(result: Any, *arguments: Any) -> Any:
    """A result, or an error where it is infinite or NaN and all arguments are finite.

    Raises:
        OverflowError: There is such a row.
    """
    for row in _overflowed(result, *arguments):
        if row:
            message = "a FLOAT64 is out of range"
            raise OverflowError(message)
    return result


def _overflowed(result: Any, *arguments: Any) -> list[bool]:
    if not pc.any(pc.invert(pc.is_finite(result))).as_py():
        return []
    bad = pc.invert(pc.is_finite(result))
    for each in arguments:
        bad = pc.and_(bad, pc.is_finite(each))
    return bad.to_pylist()  # type: ignore[no-any-return]


def _nulls(result: Any, *arguments: Any) -> Any:
    """A result with NULL where it overflowed."""
    bad = _overflowed(result, *arguments)
    return pc.if_else(pa.array(bad), pa.scalar(None, pa.float64()), result) if bad else result


def _divided(one: Any, other: Any) -> Any:
    if pc.any(pc.equal(pc.filter(other, pc.is_valid(one)), 0.0)).as_py():
        message = "division by zero"
        raise ZeroDivisionError(message)
    return pc.divide(one, other)


_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": pc.add,
    "subtract": pc.subtract,
    "multiply": pc.multiply,
    "divide": _divided,
}


def _whole(name: str, compute: Callable[..., Any], arguments: int = 2) -> None:
    compute.__name__ = name
    function(f"{', '.join(['DOUBLE'] * arguments)} -> DOUBLE", whole=True)(compute)


def _checked(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda one, other: _finite(operation(one, other), one, other)


def _safe(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda one, other: _nulls(operation(one, other), one, other)


def _divided_or_null(one: Any, other: Any) -> Any:
    return pc.divide(one, pc.if_else(pc.equal(other, 0.0), pa.scalar(None, pa.float64()), other))


for _name, _operation in _OPERATIONS.items():
    _whole(f"float_{_name}", _checked(_operation))
    _whole(f"safe_{_name}", _safe(_divided_or_null if _name == "divide" else _operation))


@function("DOUBLE, DOUBLE -> DOUBLE", whole=True)
def finite(result: Any, argument: Any) -> Any:
    """A function's result, or an error where only it is infinite."""
    return _finite(result, argument)


@function("DOUBLE, DOUBLE -> DOUBLE")
def power(base: float, exponent: float) -> float:
    """POW: an error outside its domain."""
    if base == 0 and exponent < 0:
        message = f"POW({base}, {exponent}) divides by zero"
        raise ZeroDivisionError(message)
    return math.pow(base, exponent)


@function("DOUBLE, DOUBLE -> DOUBLE")
def logarithm(value: float, base: float) -> float:
    """LOG to a base."""
    if math.isnan(value) or math.isnan(base):
        return math.nan
    if value == math.inf and base == 1:
        return math.inf
    if value == -math.inf or base == -math.inf:
        return math.nan
    if value <= 0 or base <= 0 or base == 1:
        message = f"LOG({value}, {base}) is outside its domain"
        raise ValueError(message)
    return math.nan if math.isinf(base) else math.log(value) / math.log(base)


# --- FLOAT64, rounded ---


@function("DOUBLE, BIGINT -> DOUBLE")
def float_round(value: float, digits: int) -> float:
    """ROUND with digits: half away from zero, of the exact value."""
    return _rounded(value, digits, ROUND_HALF_UP)


@function("DOUBLE, BIGINT -> DOUBLE")
def float_trunc(value: float, digits: int) -> float:
    """TRUNC with digits."""
    return _rounded(value, digits, ROUND_DOWN)


def _rounded(value: float, digits: int, how: str) -> float:
    if not math.isfinite(value) or digits > 1100:
        return value
    if digits < -310:
        return math.copysign(0.0, value)
    with localcontext(_EXACT):
        rounded = float(Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=how))
    if math.isinf(rounded):
        message = f"ROUND({value}, {digits}) is out of range"
        raise OverflowError(message)
    return rounded


# --- NUMERIC ---


def fitted(number: Decimal, how: str = ROUND_HALF_UP) -> Decimal:
    """A number as NUMERIC keeps it.

    Raises:
        OverflowError: It is out of NUMERIC's range.
    """
    with localcontext(_EXACT):
        rounded = number.quantize(_SCALE, rounding=how)
    if rounded.copy_abs() > _GREATEST:
        message = f"{number:.30g} is out of NUMERIC's range"
        raise OverflowError(message)
    return rounded


@function("DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)")
def numeric_multiply(one: Decimal, other: Decimal) -> Decimal:
    """The product, half away from zero."""
    return fitted(_EXACT.multiply(one, other))


@function("DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)")
def numeric_divide(one: Decimal, other: Decimal) -> Decimal:
    """The quotient, half away from zero."""
    if not other:
        message = "division by zero"
        raise ZeroDivisionError(message)
    return fitted(_EXACT.divide(one, other))


@function("DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)")
def numeric_div(one: Decimal, other: Decimal) -> Decimal:
    """DIV: the quotient without its fraction."""
    if not other:
        message = "division by zero"
        raise ZeroDivisionError(message)
    return fitted(_EXACT.divide_int(one, other))


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
    with localcontext(_EXACT):
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
        with localcontext(_EXACT):
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
    import re

    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", body, re.ASCII):
        message = f"'{text}' is no NUMERIC"
        raise ValueError(message)
    number = Decimal(body)
    if number.adjusted() < -400:
        return Decimal(0)
    if number.adjusted() > 400:
        return Decimal("1e400")
    return number


# --- INT64 ---


@function("BIGINT, BIGINT -> BIGINT")
def shift_left(value: int, by: int) -> int:
    """`<<` on 64 bits."""
    if by < 0:
        message = f"a shift by {by}"
        raise ValueError(message)
    moved = (value << by) & (2**64 - 1) if by < 64 else 0
    return moved - 2**64 if moved > _LAST_INTEGER else moved


@function("BIGINT, BIGINT -> BIGINT")
def shift_right(value: int, by: int) -> int:
    """`>>` on 64 bits: zeros come in from the left."""
    if by < 0:
        message = f"a shift by {by}"
        raise ValueError(message)
    moved = (value & (2**64 - 1)) >> by if by < 64 else 0
    return moved - 2**64 if moved > _LAST_INTEGER else moved


@function("BIGINT, BIGINT -> BIGINT")
def integer_mod(value: int, divisor: int) -> int:
    """MOD: with the sign of the value."""
    return (
        int(math.fmod(value, divisor))
        if abs(value) < 2**53 and abs(divisor) < 2**53
        else _mod(value, divisor)
    )


def _mod(value: int, divisor: int) -> int:
    rest = abs(value) % abs(divisor)
    return -rest if value < 0 else rest


# --- buckets ---


def _bucket(kind: str, type_: str) -> None:
    def bucket(point: Any, edges: list[Any]) -> int | None:
        import bisect

        if any(each is None for each in edges) or any(a > b for a, b in zip(edges, edges[1:], strict=False)):
            message = "RANGE_BUCKET of an array with NULL or out of order"
            raise ValueError(message)
        if point != point:  # noqa: PLR0124 - a NaN
            return None
        return bisect.bisect_right(edges, point)

    bucket.__name__ = f"{kind}_bucket"
    function(f"{type_}, {type_}[] -> BIGINT")(bucket)


for _kind, _type in (
    ("integer", "BIGINT"),
    ("float", "DOUBLE"),
    ("numeric", "DECIMAL(38, 9)"),
    ("string", "VARCHAR"),
):
    _bucket(_kind, _type)


# --- FLOAT64, one function each ---


@function("DOUBLE, DOUBLE -> DOUBLE", whole=True)
def ieee_divide(one: Any, other: Any) -> Any:
    """Division without errors."""
    return pc.divide(one, other)


@function("DOUBLE -> DOUBLE", whole=True)
def float_sign(value: Any) -> Any:
    """-1, 0, 1 or NaN."""
    return pc.cast(pc.sign(value), pa.float64())


@function("DOUBLE -> DOUBLE")
def inverse_cosh(value: float) -> float:
    """ACOSH: an error below 1."""
    return math.nan if value == -math.inf else math.acosh(value)


@function("DOUBLE -> DOUBLE")
def inverse_tanh(value: float) -> float:
    """ATANH: an error outside -1 … 1."""
    return math.nan if math.isinf(value) else math.atanh(value)


def _reciprocal(name: str, compute: Callable[[float], float]) -> None:
    def reciprocal(value: float) -> float:
        try:
            return 1 / compute(value)
        except OverflowError:
            return 0.0

    reciprocal.__name__ = name
    function("DOUBLE -> DOUBLE")(reciprocal)


def _or_nan(compute: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: math.nan if math.isinf(value) else compute(value)


_reciprocal("csc", _or_nan(math.sin))
_reciprocal("sec", _or_nan(math.cos))
_reciprocal("cot", _or_nan(math.tan))
_reciprocal("csch", math.sinh)
_reciprocal("sech", math.cosh)
_reciprocal("coth", math.tanh)


# --- arrays ---


@function("BIGINT, BIGINT, BIGINT -> BIGINT[]")
def integer_series(first: int, last: int, step: int) -> list[int]:
    """GENERATE_ARRAY."""
    if not step:
        message = "GENERATE_ARRAY with the step 0"
        raise ValueError(message)
    return list(range(first, last + (1 if step > 0 else -1), step))


@function("DOUBLE, DOUBLE, DOUBLE -> DOUBLE[]")
def float_series(first: float, last: float, step: float) -> list[float]:
    """GENERATE_ARRAY of FLOAT64."""
    if not step or not all(map(math.isfinite, (first, last, step))):
        message = f"GENERATE_ARRAY({first}, {last}, {step})"
        raise ValueError(message)
    return _series(first, last, step)


@function("DECIMAL(38, 9), DECIMAL(38, 9), DECIMAL(38, 9) -> DECIMAL(38, 9)[]")
def numeric_series(first: Decimal, last: Decimal, step: Decimal) -> list[Decimal]:
    """GENERATE_ARRAY of NUMERIC."""
    if not step:
        message = "GENERATE_ARRAY with the step 0"
        raise ValueError(message)
    return _series(first, last, step)


def _series(first: Any, last: Any, step: Any) -> list[Any]:
    made: list[Any] = []
    number = first
    while (number <= last) if step > 0 else (number >= last):
        made.append(number)
        number = first + len(made) * step
    return made


@function("DOUBLE[] -> DOUBLE")
def array_sum(values: list[float | None]) -> float | None:
    """ARRAY_SUM of FLOAT64."""
    numbers = [each for each in values if each is not None]
    if not numbers:
        return None
    total = math.fsum(numbers) if all(map(math.isfinite, numbers)) else sum(numbers)
    return total


@function("DOUBLE[] -> DOUBLE")
def array_avg(values: list[float | None]) -> float | None:
    """ARRAY_AVG of FLOAT64."""
    total = array_sum(values)
    return None if total is None else total / sum(each is not None for each in values)


@function("DECIMAL(38, 9)[] -> DECIMAL(38, 9)")
def numeric_avg(values: list[Decimal | None]) -> Decimal | None:
    """ARRAY_AVG of NUMERIC."""
    numbers = [each for each in values if each is not None]
    with localcontext(_EXACT):
        return fitted(sum(numbers, Decimal(0)) / len(numbers)) if numbers else None
