"""Functions that need OVER.

Source: GoogleSQL, "Numbering functions" and "Navigation functions".
"""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import Make, window
from components.shared.sources.googlesql.values import Value

window("ROW_NUMBER", "-> INT64", "row_number(){over}")
window("RANK", "-> INT64", "rank(){over}")
window("DENSE_RANK", "-> INT64", "dense_rank(){over}")
window("PERCENT_RANK", "-> FLOAT64", "percent_rank(){over}")
window("CUME_DIST", "-> FLOAT64", "cume_dist(){over}")


def _whole(translator: Any, node: s.Call, value: Value, least: int) -> int:
    number = value.constant
    if not isinstance(number, int) or isinstance(number, bool) or number < least:
        raise translator.refused(node, f"{node.name} with a number that is no literal of at least {least}")
    return number


def _ntile(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
    del scope
    return f"ntile({_whole(translator, node, values[0], 1)}){over}"


def _moved(name: str) -> Make:
    """LEAD and LAG."""

    def make(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
        del scope
        distance = _whole(translator, node, values[1], 0) if len(values) > 1 else 1
        if len(values) > 2 and not (values[2].literal or values[2].constant is not None):
            raise translator.refused(node, f"{node.name} with a default that is no literal")
        default = f", {values[2].sql}" if len(values) > 2 else ""
        return f"{name}({values[0].sql}, {distance}{default}){over}"

    return make


def _value_at(name: str) -> Make:
    """FIRST_VALUE, LAST_VALUE and NTH_VALUE."""

    def make(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
        del scope
        nulls = " IGNORE NULLS" if node.nulls == "IGNORE" else ""
        place = f", {_whole(translator, node, values[1], 1)}" if len(values) > 1 else ""
        return f"{name}({values[0].sql}{place}{nulls}){over}"

    return make


window("NTILE", "INT64 -> INT64", _ntile)
window("LEAD", "T, INT64? , T? -> T", _moved("lead"))
window("LAG", "T, INT64?, T? -> T", _moved("lag"))
window("FIRST_VALUE", "T -> T", _value_at("first_value"))
window("LAST_VALUE", "T -> T", _value_at("last_value"))
window("NTH_VALUE", "T, INT64 -> T", _value_at("nth_value"))


def _percentile(name: str) -> Make:
    """PERCENTILE_CONT and PERCENTILE_DISC: without NULL, and of numbers only, not NaN."""

    def make(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
        del scope
        if node.over is None or node.over.order or node.over.frame or "ORDER BY" in over:
            raise translator.refused(node, f"ORDER BY or a frame in the window of {node.name}")
        if node.nulls == "RESPECT":
            raise translator.refused(node, f"no counterpart for RESPECT NULLS in {node.name}")
        value, at = values
        if (
            not at.literal
            or not isinstance(at.constant, int | float | str)
            or not 0 <= float(at.constant) <= 1
        ):
            raise translator.refused(node, f"{node.name} at other than a literal between 0 and 1")
        made = f"{name}({value.sql}, {float(at.constant)!r}){over}"
        if value.type != t.FLOAT64 or value.bound < 1e300:
            return made
        failed = f"error('no counterpart for NaN in {node.name}')"
        return f"(CASE WHEN bool_or(isnan({value.sql})){over} THEN {failed} ELSE {made} END)"

    return make


window("PERCENTILE_CONT", "FLOAT64, FLOAT64 -> FLOAT64", _percentile("quantile_cont"))
window("PERCENTILE_DISC", "T, FLOAT64 -> T", _percentile("quantile_disc"))
