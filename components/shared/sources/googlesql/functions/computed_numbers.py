"""Arithmetic of FLOAT64 and INT64 whose overflow or rounding DuckDB has otherwise, in Python.

Functions over FLOAT64 take whole vectors: finite numbers that give an infinite one are an error.
"""

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

import pyarrow as pa
import pyarrow.compute

from components.shared.sources.googlesql.runtime import function

pc: Any = pyarrow.compute
"""Its stubs know neither numbers nor masks as arguments."""

_EXACT = Context(prec=800, Emax=10_000, Emin=-10_000)
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


@function("DOUBLE, BIGINT -> DOUBLE", whole=True)
def float_round(values: Any, digits: Any) -> Any:
    """ROUND with digits: half away from zero, of the exact value; natively away from the middle."""
    known = pc.unique(digits).to_pylist()
    if len(known) != 1 or known[0] not in _DIGITS:
        rows = zip(values.to_pylist(), digits.to_pylist(), strict=True)
        return pa.array([_rounded_or_null(*row) for row in rows], pa.float64())
    power = 10.0 ** known[0]
    moved = pc.multiply(values, power)
    rounded = pc.divide(pc.round(moved), power)
    near = pc.less(pc.abs(pc.subtract(pc.abs(pc.subtract(moved, pc.trunc(moved))), 0.5)), 0.0001)
    exact = pc.fill_null(pc.or_(near, pc.invert(pc.less(pc.abs(moved), 1e11))), fill_value=False)
    if not pc.any(exact).as_py():
        return rounded
    found = [_rounded_or_null(each, known[0]) for each in pc.filter(values, exact).to_pylist()]
    return pc.replace_with_mask(rounded, exact, pa.array(found, pa.float64()))


_DIGITS = frozenset(range(1, 10))


def _rounded_or_null(value: float | None, digits: int | None) -> float | None:
    return None if value is None or digits is None else _rounded(value, digits, ROUND_HALF_UP)


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
