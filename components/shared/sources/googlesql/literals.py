"""Literals and the values of @parameters in DuckDB's SQL."""

import datetime
import math
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.query import unknown_parameter
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import NULL, Value

_LEAST, _GREATEST = -(2**63), 2**63 - 1


def constant(translator: Any, node: s.Constant) -> Value:
    """A literal.

    Raises:
        QueryError: It is none of its type.
    """
    text = node.value
    match node.type:
        case "NULL":
            return NULL
        case "BOOL":
            return Value("true" if text else "false", t.BOOL, constant=text, total=True)
        case "INT64":
            return integer(translator, node, str(text))
        case "FLOAT64":
            return floating(translator, node, str(text))
        case "STRING":
            return Value(t.literal(str(text)), t.STRING, "STRING", str(text), total=True)
        case "BYTES":
            assert isinstance(text, bytes)  # noqa: S101 - the tokens' promise
            return Value(blob(text), t.BYTES, constant=text, total=True)
    type_ = t.SIMPLE[t.OTHER_NAMES.get(node.type, node.type)]
    return of_text(translator, node, str(text), type_)


def of_text(translator: Any, node: s.Node, text: str, type_: Type) -> Value:
    """`DATE '2024-01-01'` and its like, or a string that is taken for one."""
    if type_ == t.NUMERIC:
        number = numeric(text)
        if number is None:
            raise translator.refused(node, f"'{text}' is no NUMERIC")
        return Value(f"CAST('{number}' AS DECIMAL(38, 9))", t.NUMERIC, constant=number, total=True)
    if type_ in {t.DATE, t.DATETIME, t.TIME, t.TIMESTAMP}:
        from components.shared.sources.googlesql.functions.times import instant

        written = instant(text, type_)
        if written is None:
            raise translator.refused(node, f"'{text}' is no {type_}")
        return Value(f"CAST({t.literal(written)} AS {t.in_duckdb(type_)})", type_, constant=text, total=True)
    raise translator.refused(node, f"no counterpart for literals of {type_}")


def integer(translator: Any, node: s.Node, text: str) -> Value:
    """An INT64's literal."""
    number = int(text, 0) if "x" in text.lower() else int(text)
    if not _LEAST <= number <= _GREATEST:
        raise translator.refused(node, f"{text} is beyond INT64")
    written = f"CAST({number} AS BIGINT)" if number >= 0 else f"CAST('{number}' AS BIGINT)"
    return Value(written, t.INT64, "INT64", number, total=True)


def floating(translator: Any, node: s.Node, text: str) -> Value:
    """A FLOAT64's literal."""
    number = float(text)
    if math.isinf(number):
        raise translator.refused(node, f"{text} is beyond FLOAT64")
    return Value(f"CAST('{number!r}' AS DOUBLE)", t.FLOAT64, "FLOAT64", text, total=True, bound=abs(number))


def numeric(text: str) -> Decimal | None:
    """A NUMERIC that a text says, rounded half away from zero to nine places; None where it says none."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    return rounded_numeric(number) if number.is_finite() else None


def rounded_numeric(number: Decimal) -> Decimal | None:
    """A number at NUMERIC's nine decimals; None beyond its 29 digits before them."""
    import decimal

    with decimal.localcontext() as context:
        context.prec = 120
        rounded = number.quantize(Decimal("1e-9"), decimal.ROUND_HALF_UP)
    return rounded if rounded.copy_abs() < Decimal(10) ** 29 else None


def blob(content: bytes) -> str:
    """BYTES as DuckDB's literal."""
    return f"unhex('{content.hex()}')" if content else "CAST('' AS BLOB)"


def parameter(translator: Any, node: s.Parameter) -> Value:
    """The value of an @parameter.

    Raises:
        QueryError: It has none.
    """
    values = translator.parameters
    found = next((values[name] for name in values if name.lower() == node.name.lower()), _MISSING)
    if found is _MISSING:
        raise unknown_parameter(translator.text, node, values)
    return _given(translator, node, found)


_MISSING = object()


def _given(translator: Any, node: s.Node, value: Any) -> Value:
    if isinstance(value, bool):
        return Value("true" if value else "false", t.BOOL, constant=value, total=True)
    if isinstance(value, int):
        return integer(translator, node, str(value))
    if isinstance(value, float):
        return Value(f"CAST('{value!r}' AS DOUBLE)", t.FLOAT64, constant=value, total=True)
    if isinstance(value, datetime.datetime):
        return Value(
            f"CAST('{value.isoformat(' ')}' AS TIMESTAMPTZ)", t.TIMESTAMP, constant=value, total=True
        )
    if isinstance(value, datetime.date):
        return Value(f"CAST('{value.isoformat()}' AS DATE)", t.DATE, constant=value, total=True)
    if isinstance(value, str):
        return Value(t.literal(value), t.STRING, "STRING", value, total=True)
    if isinstance(value, Sequence):
        items = [_given(translator, node, each) for each in value]
        element = translator.common(items, node) if items else t.INT64
        listed = ", ".join(translator.coerce(each, element, node).sql for each in items)
        return Value(f"CAST([{listed}] AS {t.in_duckdb(element)}[])", t.array_of(element), total=True)
    raise translator.refused(node, f"a parameter of {type(value).__name__}")
