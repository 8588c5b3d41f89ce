"""Powers, logarithms and angles: an error outside their domain, NaN of an infinite angle.

Source: GoogleSQL, "Mathematical functions".
"""

from typing import Any

from components.shared.sources.googlesql import arithmetic
from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.attempts import held
from components.shared.sources.googlesql.functions.signatures import Make, add
from components.shared.sources.googlesql.values import Value

_NAN = "CAST('nan' AS DOUBLE)"


def _twice(template: str, *, whole: bool = False) -> Make:
    """A template that may use its arguments more than once.

    Args:
        template: SQL.
        whole: Whether the arguments are INT64, to be cast.
    """

    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        del node

        def written(parts: dict[str, str]) -> str:
            return template.format(*parts.values())

        cast = "CAST({} AS DOUBLE)" if whole else "{}"
        parts = {f"v{place}": cast.format(each.sql) for place, each in enumerate(values)}
        if all(map(arithmetic.repeatable, values)):
            return written(parts)
        return held(translator, parts, written)

    return make


def _of_one(name: str, template: str, *, total: bool = False) -> None:
    add(name, "FLOAT64 -> FLOAT64", _twice(template), total=total)
    add(name, "INT64 -> FLOAT64", _twice(template, whole=True), total=total)


def _once(name: str, template: str, *, total: bool = False) -> None:
    add(name, "FLOAT64 -> FLOAT64", template, total=total)
    add(name, "INT64 -> FLOAT64", template.format("CAST({0} AS DOUBLE)"), total=total)


_once("SQRT", "sqrt({0})")
_once("ATAN", "atan({0})", total=True)
_once("TANH", "tanh({0})", total=True)
_once("ASINH", "asinh({0})", total=True)
_once("CBRT", "cbrt({0})", total=True)
_once("ACOSH", "gsql_inverse_cosh({0})")
_once("ATANH", "gsql_inverse_tanh({0})")
for _name in ("CSC", "SEC", "COT", "CSCH", "SECH", "COTH"):
    _once(_name, f"gsql_{_name.lower()}({{0}})")
for _name in ("EXP", "SINH", "COSH"):
    _sql = f"{_name.lower()}({{0}})"
    _of_one(_name, f"(CASE WHEN isinf({_sql}) THEN gsql_finite({_sql}, {{0}}) ELSE {_sql} END)")
for _name in ("LN LOG", "LOG10"):
    _sql = "log10" if _name == "LOG10" else "ln"
    _of_one(_name, f"(CASE WHEN {{0}} = CAST('-inf' AS DOUBLE) THEN {_NAN} ELSE {_sql}({{0}}) END)")
for _name in ("SIN", "COS", "TAN", "ASIN", "ACOS"):
    _sql = f"{_name.lower()}({{0}})"
    _finite = f"(CASE WHEN isfinite({{0}}) THEN {_sql} WHEN {{0}} IS NOT NULL THEN {_NAN} END)"
    _of_one(_name, _finite, total=_name in {"SIN", "COS", "TAN"})
for _name in ("SQRT", "EXP", "LN", "LOG10", "CBRT"):
    add("LN LOG" if _name == "LN" else _name, "NUMERIC -> NUMERIC", f"gsql_numeric_{_name.lower()}({{0}})")

_POWER = "(CASE WHEN isfinite(pow({0}, {1})) THEN pow({0}, {1}) ELSE gsql_power({0}, {1}) END)"
add("POW POWER", "FLOAT64, FLOAT64 -> FLOAT64", _twice(_POWER))
add("POW POWER", "INT64, INT64 -> FLOAT64", _twice(_POWER, whole=True))
add("POW POWER", "NUMERIC, NUMERIC -> NUMERIC", "gsql_numeric_power({0}, {1})")
add("LOG", "FLOAT64, FLOAT64 -> FLOAT64", "gsql_logarithm({0}, {1})")
add("LOG", "INT64, INT64 -> FLOAT64", "gsql_logarithm(CAST({0} AS DOUBLE), CAST({1} AS DOUBLE))")
add("LOG", "NUMERIC, NUMERIC -> NUMERIC", "gsql_numeric_log({0}, {1})")
add("ATAN2", "FLOAT64, FLOAT64 -> FLOAT64", "atan2({0}, {1})", total=True)
add("PI", "-> FLOAT64", "pi()", total=True)


def _extreme(function: str) -> Make:
    """GREATEST and LEAST: NULL where an argument is, NaN where one is."""

    def make(translator: Any, node: s.Call, values: list[Value]) -> str:
        type_ = values[0].type
        if type_.is_array or type_.is_struct or type_.name in {"JSON", "INTERVAL"}:
            raise translator.refused(node, f"no counterpart for {node.name} of {type_}")
        if any(each.literal == "NULL" for each in values):
            return values[[each.literal for each in values].index("NULL")].sql
        checked = [place for place, each in enumerate(values) if not each.literal]

        def written(parts: dict[str, str]) -> str:
            listed = list(parts.values())
            nulls = " OR ".join(f"{listed[place]} IS NULL" for place in checked)
            made = f"{function}({', '.join(listed)})"
            if function == "least" and type_.name == "FLOAT64" and checked:
                nans = " OR ".join(f"isnan({listed[place]})" for place in checked)
                made = f"CASE WHEN {nans} THEN {_NAN} ELSE {made} END"
            return f"(CASE WHEN {nulls} THEN NULL ELSE {made} END)" if nulls else made

        parts = {f"v{place}": each.sql for place, each in enumerate(values)}
        return written(parts) if all(map(arithmetic.repeatable, values)) else held(translator, parts, written)

    return make


add("GREATEST", "T, T… -> T", _extreme("greatest"), total=True)
add("LEAST", "T, T… -> T", _extreme("least"), total=True)
