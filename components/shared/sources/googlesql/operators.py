"""Operators between values, with Google's NULL, NaN, overflow and precedence."""

from collections.abc import Sequence
from typing import Any

from components.shared.sources.googlesql import arithmetic
from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.comparisons import equal, without_nan
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import Value

_COMPARISONS = frozenset(("=", "!=", "<", "<=", ">", ">="))
_ORDERED = frozenset(
    (t.INT64, t.FLOAT64, t.NUMERIC, t.BOOL, t.STRING, t.BYTES, t.DATE, t.DATETIME, t.TIME, t.TIMESTAMP)
)
_NUMBERS = (t.INT64, t.NUMERIC, t.FLOAT64)


def unary(translator: Any, node: s.Unary, value: Value) -> Value:
    """NOT, -, + and ~."""
    if value.literal == "NULL":
        raise translator.refused(
            node, f"{node.operator} NULL, which is always NULL", "Write CAST(NULL AS …)."
        )
    match node.operator:
        case "NOT":
            operand = translator.coerce(value, t.BOOL, node)
            return Value(f"(NOT {operand.sql})", t.BOOL, total=operand.total)
        case "~":
            return Value(f"(~{translator.coerce(value, t.INT64, node).sql})", t.INT64)
    if value.type not in _NUMBERS:
        raise translator.refused(node, f"{node.operator} before {value.type}")
    if node.operator == "+":
        return value.as_type(value.type)
    if value.type == t.INT64:
        return Value(f"(CAST(0 AS BIGINT) - {value.sql})", t.INT64)
    return Value(f"(-{value.sql})", value.type, total=value.total)


def binary(translator: Any, node: s.Binary, left: Value, right: Value) -> Value:
    """Any operator between two values."""
    operator = node.operator
    if operator not in {"AND", "OR", "||"} and "NULL" in {left.literal, right.literal}:
        raise translator.refused(
            node, f"{operator} with NULL, which is always NULL", "Write IS NULL, or CAST(NULL AS …)."
        )
    if operator in {"AND", "OR"}:
        both = [translator.coerce(each, t.BOOL, node) for each in (left, right)]
        return Value(f"({both[0].sql} {operator} {both[1].sql})", t.BOOL, total=all(v.total for v in both))
    if operator in _COMPARISONS:
        return _compared(translator, node, left, right)
    if operator in {"|", "&", "^", "<<", ">>"}:
        return _bits(translator, node, left, right)
    if operator == "||":
        return _joined(translator, node, left, right)
    if operator == "LIKE":
        return _like(translator, node, left, right)
    return _arithmetic(translator, node, left, right)


def _compared(translator: Any, node: s.Binary, left: Value, right: Value) -> Value:
    type_ = comparable(translator, node, [left, right])
    one, other = translator.coerce(left, type_, node), translator.coerce(right, type_, node)
    if node.operator == "=":
        sql = equal(translator, node, one, other)
    elif node.operator == "!=":
        sql = f"(NOT {equal(translator, node, one, other)})"
    else:
        if type_ not in _ORDERED:
            raise translator.refused(node, f"{node.operator} between values of {type_}")
        sql = f"({one.sql} {node.operator} {other.sql})"
        if type_ == t.FLOAT64:
            sql = without_nan(sql, one, other)
    return Value(sql, t.BOOL, total=one.total and other.total)


def comparable(translator: Any, node: s.Node, values: Sequence[Value]) -> Type:
    """The type that values are compared as."""
    return translator.common(values, node)  # type: ignore[no-any-return]


def between(translator: Any, node: s.Between, values: Sequence[Value]) -> Value:
    """Value BETWEEN low AND high: both comparisons."""
    type_ = comparable(translator, node, values)
    if type_ not in _ORDERED:
        raise translator.refused(node, f"BETWEEN for values of {type_}")
    value, low, high = (translator.coerce(each, type_, node) for each in values)
    lower, upper = f"({low.sql} <= {value.sql})", f"({value.sql} <= {high.sql})"
    if type_ == t.FLOAT64:
        lower, upper = without_nan(lower, low, value), without_nan(upper, value, high)
    sql = f"({lower} AND {upper})"
    return Value(
        f"(NOT {sql})" if node.negated else sql, t.BOOL, total=all(v.total for v in (value, low, high))
    )


def _bits(translator: Any, node: s.Binary, left: Value, right: Value) -> Value:
    one, other = translator.coerce(left, t.INT64, node).sql, translator.coerce(right, t.INT64, node).sql
    match node.operator:
        case "^":
            sql = f"xor({one}, {other})"
        case "<<" | ">>":
            sql = f"gsql_shift_{'left' if node.operator == '<<' else 'right'}({one}, {other})"
        case _:
            sql = f"({one} {node.operator} {other})"
    return Value(sql, t.INT64)


def _joined(translator: Any, node: s.Binary, left: Value, right: Value) -> Value:
    if "NULL" in {left.literal, right.literal}:
        raise translator.refused(node, "|| with NULL, which is always NULL", "Write CAST(NULL AS …).")
    type_ = (
        translator.common([left, right], node)
        if left.literal != "NULL" or right.literal != "NULL"
        else t.STRING
    )
    if type_ not in {t.STRING, t.BYTES} and not type_.is_array:
        raise translator.refused(node, f"|| between values of {type_}")
    if type_.is_array and "NULL" in {left.literal, right.literal}:
        raise translator.refused(node, "|| between an ARRAY and NULL")
    one, other = translator.coerce(left, type_, node).sql, translator.coerce(right, type_, node).sql
    return Value(f"({one} || {other})", type_)


def _like(translator: Any, node: s.Binary, left: Value, right: Value) -> Value:
    type_ = t.BYTES if t.BYTES in {left.type, right.type} else t.STRING
    one, other = translator.coerce(left, type_, node).sql, translator.coerce(right, type_, node).sql
    pattern: str | None
    if type_ == t.BYTES:
        if not isinstance(right.constant, bytes):
            raise translator.refused(node, "no counterpart for LIKE between BYTES of columns")
        pattern = right.constant.decode("latin-1")
        one, other = f"gsql_latin({one})", t.literal(pattern)
    else:
        pattern = right.constant if isinstance(right.constant, str) else None
    if pattern is not None and (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise translator.refused(node, "a pattern of LIKE that ends in a backslash")
    if pattern is not None and "\\" not in pattern:
        return Value(f"({one} LIKE {other})", t.BOOL, total=left.total)
    if pattern is None:
        odd = t.literal(r"(^|[^\\])(\\\\)*\\$")
        ended = "CAST('a pattern of LIKE ends in a backslash' AS BOOLEAN)"
        return Value(
            f"(CASE WHEN regexp_matches({other}, {odd}) THEN {ended} "
            f"ELSE {one} LIKE {other} ESCAPE '\\' END)",
            t.BOOL,
        )
    return Value(f"({one} LIKE {other} ESCAPE '\\')", t.BOOL, total=left.total)


def _arithmetic(translator: Any, node: s.Binary, left: Value, right: Value) -> Value:
    from components.shared.sources.googlesql.functions.times import moved

    if {left.type.name, right.type.name} & {"DATE", "DATETIME", "TIME", "TIMESTAMP", "INTERVAL"}:
        return moved(translator, node, left, right)
    type_ = translator.common([left, right], node)
    if type_ not in _NUMBERS:
        raise translator.refused(node, f"{left.type} {node.operator} {right.type}")
    if node.operator == "/" and type_ == t.INT64:
        type_ = t.FLOAT64
    one, other = translator.coerce(left, type_, node), translator.coerce(right, type_, node)
    if type_ == t.FLOAT64:
        return arithmetic.floats(node.operator, one, other)
    if type_ == t.NUMERIC:
        return arithmetic.numerics(node.operator, one, other)
    return Value(f"({one.sql} {node.operator} {other.sql})", type_)
