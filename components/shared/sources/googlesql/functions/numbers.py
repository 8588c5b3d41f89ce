"""Functions of numbers.

Source: GoogleSQL, "Mathematical functions".
"""

from typing import Any

from components.shared.sources.googlesql import arithmetic
from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.attempts import attempt
from components.shared.sources.googlesql.functions.signatures import UNKNOWN, Make, add
from components.shared.sources.googlesql.values import Value

add("ABS", "INT64 -> INT64", "abs({0})")
add("ABS", "NUMERIC -> NUMERIC", "abs({0})", total=True)
add("ABS", "FLOAT64 -> FLOAT64", "abs({0})", total=True)
add("SIGN", "INT64 -> INT64", "CAST(sign({0}) AS BIGINT)", total=True)
add("SIGN", "NUMERIC -> NUMERIC", "CAST(sign({0}) AS DECIMAL(38, 9))", total=True)


def _sign(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    value = values[0].sql
    if not arithmetic.repeatable(values[0]):
        return f"gsql_float_sign({value})"
    return f"(CASE WHEN isnan({value}) THEN {value} ELSE CAST(sign({value}) AS DOUBLE) END)"


add("SIGN", "FLOAT64 -> FLOAT64", _sign, total=True)
add("IS_NAN", "FLOAT64 -> BOOL", "isnan({0})", total=True)
add("IS_INF", "FLOAT64 -> BOOL", "isinf({0})", total=True)

# --- rounding ---

_NATIVE_DIGITS = range(1, 10)


def _round(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    digits = values[1].constant
    if isinstance(digits, int) and digits in _NATIVE_DIGITS:
        return arithmetic.float_round(values[0], digits)
    return f"gsql_float_round({values[0].sql}, {values[1].sql})"


def _round_mode(translator: Any, node: s.Call, values: list[Value]) -> str:
    if values[2].constant not in {"ROUND_HALF_EVEN", "ROUND_HALF_AWAY_FROM_ZERO"}:
        raise translator.refused(node, f"the unknown mode {values[2].constant}")
    return f"gsql_numeric_round_mode({', '.join(each.sql for each in values)})"


for _name, _sql in (("ROUND", "round"), ("TRUNC", "trunc"), ("CEIL CEILING", "ceil"), ("FLOOR", "floor")):
    add(_name, "INT64 -> FLOAT64", "CAST({0} AS DOUBLE)", total=True)
    add(_name, "FLOAT64 -> FLOAT64", f"{_sql}({{0}})", total=True)
    _zero = ", 0" if _sql == "round" else ""
    add(_name, "NUMERIC -> NUMERIC", f"CAST({_sql}({{0}}{_zero}) AS DECIMAL(38, 9))")
add("ROUND", "INT64, INT64 -> FLOAT64", "gsql_float_round(CAST({0} AS DOUBLE), {1})")
add("ROUND", "FLOAT64, INT64 -> FLOAT64", _round)
add("ROUND", "NUMERIC, INT64 -> NUMERIC", "gsql_numeric_round({0}, {1})")
add("ROUND", "NUMERIC, INT64, LITERAL -> NUMERIC", _round_mode)
add("TRUNC", "INT64, INT64 -> FLOAT64", "gsql_float_trunc(CAST({0} AS DOUBLE), {1})", total=True)
add("TRUNC", "FLOAT64, INT64 -> FLOAT64", "gsql_float_trunc({0}, {1})", total=True)
add("TRUNC", "NUMERIC, INT64 -> NUMERIC", "gsql_numeric_trunc({0}, {1})", total=True)

# --- division ---


def _mod(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node
    one, other = (each.sql for each in values)
    if values[1].literal == "INT64" and values[1].constant != -1:
        return f"({one} % {other})"
    if not arithmetic.repeatable(values[1]):
        return f"gsql_integer_mod({one}, {other})"
    return f"({one} % (CASE WHEN {other} = -1 THEN CAST(1 AS BIGINT) ELSE {other} END))"


add("DIV", "INT64, INT64 -> INT64", "({0} // {1})")
add("DIV", "NUMERIC, NUMERIC -> NUMERIC", "gsql_numeric_div({0}, {1})")
add("MOD", "INT64, INT64 -> INT64", _mod)
add("MOD", "NUMERIC, NUMERIC -> NUMERIC", "CAST(({0} % {1}) AS DECIMAL(38, 9))")
add("IEEE_DIVIDE", "FLOAT64, FLOAT64 -> FLOAT64", "gsql_ieee_divide({0}, {1})", total=True)

# --- SAFE_ADD and its like ---


def _safe_integers(operator: str) -> Make:
    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        del node
        return attempt(translator, values, lambda held: f"({held[0].sql} {operator} {held[1].sql})")

    return make


def _safe_floats(operator: str) -> Make:
    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        del translator, node
        return arithmetic.safe_floats(operator, *values)

    return make


def _safe_numerics(operator: str) -> Make:
    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        del node
        return attempt(translator, values, lambda held: arithmetic.numerics(operator, *held).sql)

    return make


for _name, _operator in (
    ("SAFE_ADD", "+"),
    ("SAFE_SUBTRACT", "-"),
    ("SAFE_MULTIPLY", "*"),
    ("SAFE_DIVIDE", "/"),
):
    if _operator != "/":
        add(_name, "INT64, INT64 -> INT64", _safe_integers(_operator), total=True)
    else:
        add(
            _name,
            "INT64, INT64 -> FLOAT64",
            "(CAST({0} AS DOUBLE) / nullif(CAST({1} AS DOUBLE), 0))",
            total=True,
        )
    add(_name, "FLOAT64, FLOAT64 -> FLOAT64", _safe_floats(_operator), total=True)
    add(_name, "NUMERIC, NUMERIC -> NUMERIC", _safe_numerics(_operator), total=True)


def _safe_negate(translator: Any, node: s.Call, values: list[Value]) -> str:
    del node
    return attempt(translator, values, lambda held: f"(CAST(0 AS BIGINT) - {held[0].sql})")


add("SAFE_NEGATE", "INT64 -> INT64", _safe_negate, total=True)
add("SAFE_NEGATE", "FLOAT64 -> FLOAT64", "(-{0})", total=True)
add("SAFE_NEGATE", "NUMERIC -> NUMERIC", "(-{0})", total=True)

# --- bits, buckets, texts, chance ---


def _random(translator: Any, node: s.Call, values: list[Value]) -> str:
    del translator, node, values
    return "random()"


add("RAND", "-> FLOAT64", _random)

add("BIT_COUNT", "INT64 -> INT64", "CAST(bit_count({0}) AS BIGINT)", total=True)
add("BIT_COUNT", "BYTES -> INT64", "CAST(bit_count(CAST({0} AS BIT)) AS BIGINT)", total=True)
add("PARSE_NUMERIC", "STRING -> NUMERIC", "gsql_parse_numeric({0})")


def _bucket(stored: str) -> Make:
    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        if values[1].literal == "NULL":
            raise translator.refused(node, "NULL where an ARRAY is expected")
        return f"gsql_{stored}_bucket({values[0].sql}, {values[1].sql})"

    return make


for _type, _stored in (
    ("INT64", "integer"),
    ("FLOAT64", "float"),
    ("NUMERIC", "numeric"),
    ("STRING", "string"),
):
    add("RANGE_BUCKET", f"{_type}, ARRAY<{_type}> -> INT64", _bucket(_stored))
for _name in ("APPROX_QUANTILES", "APPROX_TOP_COUNT", "APPROX_TOP_SUM"):
    UNKNOWN[_name] = "It is approximate there too: write PERCENTILE_CONT OVER, or GROUP BY with COUNT."
for _name in ("PARSE_BIGNUMERIC",):
    UNKNOWN[_name] = "DuckDB keeps no BIGNUMERIC; use NUMERIC."
