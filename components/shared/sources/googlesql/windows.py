"""Functions over windows of rows: OVER (PARTITION BY … ORDER BY … ROWS or RANGE …)."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.arguments import fitting, written
from components.shared.sources.googlesql.functions.signatures import AGGREGATES, WINDOWS
from components.shared.sources.googlesql.ordering import groupable, order_keys
from components.shared.sources.googlesql.values import Scope, Value

_UNORDERED = frozenset(("ROW_NUMBER",))
_NUMBERED = frozenset(("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LEAD", "LAG"))
"""Need ORDER BY and take no frame."""
_KEEPING_NULLS = frozenset(("FIRST_VALUE", "LAST_VALUE", "NTH_VALUE"))


def windowed(translator: Any, node: s.Call, scope: Scope) -> Value:
    """A call with OVER.

    Raises:
        QueryError: It may not stand here, or has no counterpart.
    """
    if node.over is None:
        raise translator.refused(node, f"{node.name} without OVER")
    if not scope.allows_windows:
        where = f" in {scope.clause}" if scope.clause else " here"
        raise translator.refused(node, f"{node.name} OVER{where}", "Compute it in a sub-select first.")
    window = _named(translator, node.over, scope)
    _check(translator, node, window)
    inner = _within(scope)
    table = AGGREGATES if node.name in AGGREGATES else WINDOWS
    chosen, values = fitting(translator, node, inner, table)
    over = f" OVER {_over(translator, window, inner)}"
    return Value(written(translator, node, chosen, values, scope=inner, over=over), chosen.result)


def _within(scope: Scope) -> Scope:
    """The scope of what stands inside: no window within a window."""
    return replace(scope, allows_windows=False, clause="a window function")


def _named(translator: Any, window: s.Window, scope: Scope) -> s.Window:
    """A window with what the window that it names brings."""
    if not window.name:
        return window
    found: Any = scope.windows.get(window.name.lower())
    if found is None:
        raise translator.refused(window, f"the unknown window '{window.name}'")
    base = _named(translator, found, scope)
    taken = (window.partition and base.partition) or (window.order and base.order) or base.frame
    if taken and (window.partition or window.order or window.frame):
        raise translator.refused(window, f"a clause that the window '{window.name}' has already")
    return s.Window(
        at=window.at,
        partition=window.partition or base.partition,
        order=window.order or base.order,
        frame=window.frame or base.frame,
    )


def _check(translator: Any, node: s.Call, window: s.Window) -> None:
    if node.name in _NUMBERED | _KEEPING_NULLS and not window.order:
        raise translator.refused(node, f"{node.name} without ORDER BY in its window")
    if node.name in (_NUMBERED | _UNORDERED) and window.frame:
        raise translator.refused(window.frame, f"a frame for {node.name}")
    if node.order or node.limit is not None or node.having:
        raise translator.refused(node, f"ORDER BY, LIMIT or HAVING in {node.name} with OVER")
    if node.distinct and (window.order or window.frame):
        raise translator.refused(node, "DISTINCT in a window with ORDER BY")
    if (
        node.nulls
        and node.name not in _KEEPING_NULLS
        and node.name not in {"ARRAY_AGG", "PERCENTILE_CONT", "PERCENTILE_DISC"}
    ):
        raise translator.refused(node, f"no counterpart for {node.nulls} NULLS in {node.name}")


def _over(translator: Any, window: s.Window, scope: Scope) -> str:
    parts = []
    if window.partition:
        keys = [translator.value(each, scope) for each in window.partition]
        for key, each in zip(keys, window.partition, strict=True):
            if key.type == t.FLOAT64 or not groupable(key):
                raise translator.refused(each, f"PARTITION BY a value of {key.type}")
        parts.append("PARTITION BY " + ", ".join(key.sql for key in keys))
    order = [
        each
        for key in window.order
        for each in order_keys(translator, key, translator.value(key.value, scope))
    ]
    frame = window.frame
    if frame and frame.unit == "RANGE" and any(b.distance is not None for b in (frame.start, frame.end)):
        parts.append(_range(translator, window, scope))
    elif order:
        parts.append("ORDER BY " + ", ".join(each.sql for each in order))
    if frame:
        parts.append(_frame(translator, window, scope))
    return f"({' '.join(parts)})"


def _range(translator: Any, window: s.Window, scope: Scope) -> str:
    """The one key of RANGE with distances: a number.

    DuckDB has NaN behind all numbers where Google has it before: an error where one bound reaches that far.
    """
    if len(window.order) != 1:
        raise translator.refused(window, "RANGE with a distance and other than one key")
    key = window.order[0]
    value = translator.value(key.value, scope)
    if value.type not in {t.INT64, t.FLOAT64, t.NUMERIC}:
        raise translator.refused(
            key,
            f"no counterpart for RANGE with a distance over {value.type}",
            "Order by an INT64, as UNIX_SECONDS gives it.",
        )
    only = order_keys(translator, key, value)[-1]
    assert window.frame is not None  # noqa: S101 - the caller's
    if value.type == t.FLOAT64 and "UNBOUNDED" in _frame(translator, window, scope):
        failed = "CAST('no counterpart for NaN in RANGE' AS DOUBLE)"  # error() may not stand in ORDER BY
        only = replace(only, column=f"(CASE WHEN isnan({value.sql}) THEN {failed} ELSE {value.sql} END)")
    return "ORDER BY " + only.sql


def _frame(translator: Any, window: s.Window, scope: Scope) -> str:
    frame = window.frame
    assert frame is not None  # noqa: S101 - the caller's
    type_ = t.INT64
    if frame.unit == "RANGE" and window.order:
        type_ = translator.value(window.order[0].value, scope).type
    start, end = (_bound(translator, each, type_, scope) for each in (frame.start, frame.end))
    first, last = (next(p for p, word in _PLACES if each.endswith(word)) for each in (start, end))
    if first > last or start == "UNBOUNDED FOLLOWING" or end == "UNBOUNDED PRECEDING":
        raise translator.refused(frame, "a frame that ends before it begins")
    return f"{frame.unit} BETWEEN {start} AND {end}"


_PLACES = ((0, "PRECEDING"), (1, "CURRENT ROW"), (2, "FOLLOWING"))


def _bound(translator: Any, bound: s.Bound, type_: t.Type, scope: Scope) -> str:
    if bound.kind == "CURRENT ROW":
        return bound.kind
    if bound.distance is None:
        return f"UNBOUNDED {bound.kind}"
    value = translator.value(bound.distance, scope)
    if not isinstance(value.constant, int | float | str | Decimal) or isinstance(value.constant, bool):
        raise translator.refused(bound, "no counterpart for a distance that is no literal")
    if translator.distance(value, type_) is None or not float(value.constant) >= 0:
        raise translator.refused(bound, f"a distance that is no {type_} of at least 0")
    return f"{translator.coerce(value, type_, bound).sql} {bound.kind}"
