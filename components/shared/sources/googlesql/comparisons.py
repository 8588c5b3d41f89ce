"""Whether values are equal, with Google's NULL and NaN."""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.values import Value


def equal(translator: Any, node: s.Node, left: Value, right: Value) -> str:
    """Whether two values of one type are equal: a NaN equals nothing, a STRUCT is compared by its fields."""
    type_ = left.type
    if type_.is_array or type_.name in {"JSON", "INTERVAL"}:
        raise translator.refused(node, f"a comparison of values of {type_}")
    if type_.is_struct:
        parts = [
            equal(translator, node, _field(left, place), _field(right, place))
            for place in range(len(type_.of))
        ]
        return "(" + " AND ".join(parts) + ")"
    sql = f"({left.sql} = {right.sql})"
    return without_nan(sql, left, right) if type_ == t.FLOAT64 else sql


def _field(value: Value, place: int) -> Value:
    name = t.literal(value.type.fields[place])
    return Value(f"struct_extract({value.sql}, {name})", value.type.of[place])


def without_nan(sql: str, left: Value, right: Value) -> str:
    """False where a side is NaN, NULL where one is NULL."""
    if left.literal and right.literal:
        return sql
    checks = []
    for one, other in ((left, right), (right, left)):
        if not one.literal and other.literal != "NULL":
            missing = "" if other.literal else f" OR {other.sql} IS NULL"
            checks.append(f"(NOT isnan({one.sql}){missing})")
    return f"({' AND '.join([sql, *checks])})"
