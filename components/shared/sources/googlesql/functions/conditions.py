"""IF, COALESCE and their like."""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.comparisons import equal
from components.shared.sources.googlesql.functions.signatures import add
from components.shared.sources.googlesql.values import Value

add("IF", "BOOL, T, T -> T", "(CASE WHEN {0} THEN {1} ELSE {2} END)", total=True)
add("IFNULL", "T, T -> T", "coalesce({0}, {1})", total=True)
add("COALESCE", "T, T… -> T", "coalesce({all})", total=True)


def _nullif(translator: Any, node: s.Call, values: list[Value]) -> str:
    return f"(CASE WHEN {equal(translator, node, *values)} THEN NULL ELSE {values[0].sql} END)"


add("NULLIF", "T, T -> T", _nullif, total=True)
