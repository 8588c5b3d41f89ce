"""Functions over many rows, with OVER and without.

Source: GoogleSQL, "Aggregate functions" and "Statistical aggregate functions".
"""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.functions.signatures import Make, aggregate
from components.shared.sources.googlesql.ordering import orderable
from components.shared.sources.googlesql.values import Value

_OVERFLOW = "error('a FLOAT64 is out of range')"
_BOTH = "{0} IS NOT NULL AND {1} IS NOT NULL"


def _distinct(node: s.Call) -> str:
    return "DISTINCT " if node.distinct else ""


def _plain(translator: Any, node: s.Call, *, having: bool = False) -> None:
    if node.order or node.limit is not None or node.nulls:
        raise translator.refused(node, f"ORDER BY, LIMIT or NULLS in {node.name}")
    if node.having is not None and not having:
        raise translator.refused(node, f"no counterpart for HAVING {node.having[0]} in {node.name}")


aggregate("COUNT", "-> INT64", "count(*){over}")
aggregate("COUNT", "T -> INT64", "count({distinct}{0}){over}")
aggregate("COUNTIF", "BOOL -> INT64", "count({distinct}CASE WHEN {0} THEN 1 END){over}")
aggregate("APPROX_COUNT_DISTINCT", "T -> INT64", "count(DISTINCT {0}){over}")


# --- sums ---


def _of_floats(name: str) -> Make:
    """SUM or AVG of FLOAT64: an error where finite numbers overflow."""

    def make(translator: Any, node: s.Call, values: list[Value], *, over: str, **_: Any) -> str:
        _plain(translator, node)
        value = values[0]
        made = f"{name}({_distinct(node)}{value.sql}){over}"
        if value.bound < 1e280:
            return made
        if name == "sum":  # compensated, where no infinity would spoil that
            made = f"(CASE WHEN isfinite({made}) THEN f{made} ELSE {made} END)"
        infinite = f"coalesce(bool_or(NOT isfinite({value.sql})){over}, false)"
        return f"(CASE WHEN isinf({made}) AND NOT {infinite} THEN {_OVERFLOW} ELSE {made} END)"

    return make


aggregate("SUM", "INT64 -> INT64", "CAST(sum({distinct}{0}){over} AS BIGINT)")
aggregate("SUM", "FLOAT64 -> FLOAT64", _of_floats("sum"))
aggregate("SUM", "NUMERIC -> NUMERIC", "CAST(sum({distinct}{0}){over} AS DECIMAL(38, 9))")
aggregate("AVG", "INT64 -> FLOAT64", "avg({distinct}{0}){over}")
aggregate("AVG", "FLOAT64 -> FLOAT64", _of_floats("avg"))
aggregate(
    "AVG",
    "NUMERIC -> NUMERIC",
    "gsql_numeric_divide(sum({distinct}{0}){over}, "
    "CAST(nullif(count({distinct}{0}){over}, 0) AS DECIMAL(38, 9)))",
)

# --- the least and the greatest ---


def _extreme(name: str) -> Make:
    """MIN or MAX: of FLOAT64 it is NaN where there is one."""

    def make(translator: Any, node: s.Call, values: list[Value], *, over: str, **_: Any) -> str:
        _plain(translator, node)
        value = values[0]
        if not orderable(value.type):
            raise translator.refused(node, f"{node.name} of values of {value.type}")
        made = f"{name}({value.sql}){over}"
        if value.type != t.FLOAT64 or name == "max":
            return made
        return f"(CASE WHEN bool_or(isnan({value.sql})){over} THEN CAST('nan' AS DOUBLE) ELSE {made} END)"

    return make


aggregate("MIN", "T -> T", _extreme("min"))
aggregate("MAX", "T -> T", _extreme("max"))


def _any_value(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
    _plain(translator, node, having=True)
    if node.having is None:
        return f"any_value({values[0].sql}){over}"
    which, by = node.having
    if over and "FILTER" not in over:
        raise translator.refused(node, "HAVING in a window")
    key = translator.value(by, scope)
    if not orderable(key.type):
        raise translator.refused(node, f"no counterpart for HAVING {which} of {key.type}")
    return _at_extreme("max" if which == "MAX" else "min", values[0], key, over)


def _at_extreme(least: str, value: Value, key: Value, over: str) -> str:
    """A value of the row whose key is least or greatest; NaN as a key is an error."""
    by = key.sql
    if key.type == t.FLOAT64:
        by = f"(CASE WHEN isnan({by}) THEN error('no counterpart for NaN as a key') ELSE {by} END)"
    return f"struct_extract(arg_{least}(struct_pack(v := {value.sql}), {by}){over}, 'v')"


def _max_by(least: str) -> Make:
    def make(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
        _plain(translator, node)
        del scope
        if "OVER" in over or not orderable(values[1].type):
            raise translator.refused(node, f"no counterpart for {node.name} of {values[1].type} here")
        return _at_extreme(least, values[0], values[1], over)

    return make


aggregate("MAX_BY", "A, B -> A", _max_by("max"))
aggregate("MIN_BY", "A, B -> A", _max_by("min"))
aggregate("GROUPING", "T -> INT64", "grouping({0})")


aggregate("ANY_VALUE", "T -> T", _any_value)
aggregate("LOGICAL_AND", "BOOL -> BOOL", "bool_and({0}){over}")
aggregate("LOGICAL_OR", "BOOL -> BOOL", "bool_or({0}){over}")
for _name in ("BIT_AND", "BIT_OR", "BIT_XOR"):
    aggregate(_name, "INT64 -> INT64", f"{_name.lower()}({{distinct}}{{0}}){{over}}")

# --- spread ---


def _spread(name: str) -> Make:
    """STDDEV and its like: NaN where a number is not finite."""

    def make(translator: Any, node: s.Call, values: list[Value], *, over: str, **_: Any) -> str:
        _plain(translator, node)
        value = values[0]
        made = f"{name}({_distinct(node)}{value.sql}){over}"
        if value.bound < 1e100:
            return made
        infinite = f"coalesce(bool_or(NOT isfinite({value.sql})){over}, false)"
        unsure = f"CASE WHEN NOT isfinite({made}) THEN {_OVERFLOW} ELSE {made} END"
        return f"(CASE WHEN {infinite} AND {made} IS NOT NULL THEN CAST('nan' AS DOUBLE) ELSE {unsure} END)"

    return make


def _not_of_numeric(translator: Any, node: s.Call, values: list[Value], *, scope: Any, over: str) -> str:
    """Google adds NUMERIC exactly here; a sum of doubles may lose it all."""
    del values, scope, over
    raise translator.refused(node, f"no counterpart for {node.name} of NUMERIC", "CAST it AS FLOAT64 first.")


for _name, _sql in (
    ("STDDEV STDDEV_SAMP", "stddev_samp"),
    ("STDDEV_POP", "stddev_pop"),
    ("VARIANCE VAR_SAMP", "var_samp"),
    ("VAR_POP", "var_pop"),
):
    aggregate(_name, "FLOAT64 -> FLOAT64", _spread(_sql))
    aggregate(_name, "INT64 -> FLOAT64", _spread(_sql))
    aggregate(_name, "NUMERIC -> FLOAT64", _not_of_numeric)


def _together(name: str) -> Make:
    """CORR and COVAR: of pairs without NULL."""

    def make(translator: Any, node: s.Call, values: list[Value], *, over: str, **_: Any) -> str:
        _plain(translator, node)
        one, other = (each.sql for each in values)
        finite = f"isfinite({one}) AND isfinite({other})"
        made = f"{name}({one}, {other}){over}"
        made = (
            f"CASE WHEN coalesce(bool_and({finite}){over}, true) THEN {made} ELSE CAST('nan' AS DOUBLE) END"
        )
        least = 2 if name in {"corr", "covar_samp"} else 1
        pairs = f"count(CASE WHEN {_BOTH.format(one, other)} THEN 1 END){over}"
        return f"(CASE WHEN {pairs} >= {least} THEN {made} END)"

    return make


for _name in ("CORR", "COVAR_POP", "COVAR_SAMP"):
    aggregate(_name, "FLOAT64, FLOAT64 -> FLOAT64", _together(_name.lower()))
    aggregate(_name, "INT64, INT64 -> FLOAT64", _together(_name.lower()))
    aggregate(_name, "NUMERIC, NUMERIC -> FLOAT64", _not_of_numeric)
