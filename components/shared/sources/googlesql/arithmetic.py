"""Arithmetic that fails where Google's does: FLOAT64 that overflows, NUMERIC out of its range.

DuckDB gives an infinite number where finite ones overflow. Expressions are computed natively; rows whose
result is not finite are computed again step by step by functions that raise; what cannot overflow is not.
"""

import math
import re

from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.values import Value

_NAMES = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
_SHORT, _LONG = 120, 600
"""How long SQL may be that is written more than once: of an operand, of a whole tree of operations."""
_COSTLY = re.compile(r"\bSELECT\b|gsql_|random\(|list_|\bTRY\(|error\(")
_INTEGERS = float(2**63)
_ABSORBED = 1e291
"""What is smaller than this cannot make a finite FLOAT64 infinite when it is added."""


def repeatable(value: Value) -> bool:
    """Whether a value's SQL may be written more than once: short, cheap and always the same."""
    return bool(value.literal) or (len(value.sql) <= _SHORT and not _COSTLY.search(value.sql))


def floats(operator: str, left: Value, right: Value) -> Value:
    """An operation between FLOAT64."""
    plain = f"({left.sql} {operator} {right.sql})"
    bound = _bound(operator, left, right)
    total = left.total and right.total
    if bound is not None and not (left.fast or right.fast):
        safe = total and (operator != "/" or _divides(right))
        return Value(plain, t.FLOAT64, total=safe, bound=bound)
    name = f"gsql_float_{_NAMES[operator]}"
    parts = [left, right]
    if not all(each.fast or repeatable(each) for each in parts):
        return Value(f"{name}({left.sql}, {right.sql})", t.FLOAT64)
    divisor = right.sql if operator == "/" else right.fast or right.sql
    fast = f"({left.fast or left.sql} {operator} {divisor})"
    if len(fast) > _LONG:
        return Value(f"{name}({left.sql}, {right.sql})", t.FLOAT64)
    slow = f"{name}({left.slow or left.sql}, {right.sql if operator == '/' else right.slow or right.sql})"
    return Value(
        f"(CASE WHEN NOT isfinite({fast}) THEN {slow} ELSE {fast} END)", t.FLOAT64, fast=fast, slow=slow
    )


def _divides(value: Value) -> bool:
    return bool(value.literal) and value.constant is not None and float(str(value.constant)) != 0


def _bound(operator: str, left: Value, right: Value) -> float | None:
    """How large a result may be where it cannot overflow, else None; math.inf where operands may be so."""
    one, other = left.bound, right.bound
    if operator in {"+", "-"}:
        if one + other < _ABSORBED:
            return one + other
        return math.inf if min(one, other) < _ABSORBED else None
    if operator == "*":
        if one < math.inf and other < math.inf and one * other < _ABSORBED:
            return one * other
        return math.inf if min(one, other) <= 1 else None
    least = abs(float(str(right.constant))) if _divides(right) else 0.0
    if not least and other == _INTEGERS and right.sql.startswith("CAST("):
        least = 1.0  # an INT64 that is not zero
    if one < math.inf and least and one / least < _ABSORBED:
        return one / least
    return math.inf if least >= 1 else None


def numerics(operator: str, left: Value, right: Value) -> Value:
    """An operation between NUMERIC."""
    if operator in {"+", "-"}:
        return Value(f"CAST(({left.sql} {operator} {right.sql}) AS DECIMAL(38, 9))", t.NUMERIC)
    if operator == "/":
        return Value(f"gsql_numeric_divide({left.sql}, {right.sql})", t.NUMERIC)
    exact = f"gsql_numeric_multiply({left.sql}, {right.sql})"
    if repeatable(left) and repeatable(right):
        exact = f"coalesce(TRY(CAST(({left.sql} * {right.sql}) AS DECIMAL(38, 9))), {exact})"
    return Value(exact, t.NUMERIC)


def numeric_to_float(value: Value) -> str:
    """The nearest FLOAT64 of a NUMERIC: natively where its digits fit."""
    exact = f"gsql_numeric_to_float({value.sql})"
    if not repeatable(value):
        return exact
    return f"(CASE WHEN abs({value.sql}) < 9007199 THEN CAST({value.sql} AS DOUBLE) ELSE {exact} END)"


def float_to_numeric(value: Value) -> str:
    """The NUMERIC of a FLOAT64: natively where it is not near the middle between two."""
    return _away_from_half(
        value, 9, f"CAST({value.sql} AS DECIMAL(38, 9))", f"gsql_float_to_numeric({value.sql})"
    )


def float_round(value: Value, digits: int) -> str:
    """ROUND of a FLOAT64: natively where it is not near the middle between two."""
    native = f"(round({value.sql} * 1e{digits}) / 1e{digits})"
    return _away_from_half(value, digits, native, f"gsql_float_round({value.sql}, CAST({digits} AS BIGINT))")


def _away_from_half(value: Value, digits: int, native: str, exact: str) -> str:
    if not repeatable(value):
        return exact
    moved = f"({value.sql} * 1e{digits})"
    near = f"abs(abs({moved} - trunc({moved})) - 0.5)"
    return f"(CASE WHEN abs({moved}) < 1e11 AND {near} > 0.0001 THEN {native} ELSE {exact} END)"


def safe_floats(operator: str, left: Value, right: Value) -> str:
    """An operation between FLOAT64, NULL where it overflows or divides by zero."""
    name = f"gsql_safe_{_NAMES[operator]}"
    exact = f"{name}({left.sql}, {right.sql})"
    divisor = f"nullif({right.sql}, 0)" if operator == "/" else right.sql
    native = f"({left.sql} {operator} {divisor})"
    if _bound(operator, left, right) is not None:
        return native
    if not (repeatable(left) and repeatable(right)):
        return exact
    return f"(CASE WHEN NOT isfinite({native}) THEN {exact} ELSE {native} END)"


def checked(written: str, value: Value) -> str:
    """A function's value, an error where it is infinite and the argument is not."""
    guarded = f"gsql_finite({written}, {value.sql})"
    return f"(CASE WHEN isinf({written}) THEN {guarded} ELSE {written} END)" if repeatable(value) else guarded
