"""An array's element: `a[OFFSET(i)]` and its like."""

from typing import Any

from components.shared.sources.googlesql import arithmetic
from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.attempts import held
from components.shared.sources.googlesql.values import Value


def element(translator: Any, node: s.Element, array: Value, index: Value) -> Value:
    """The element at an index: NULL or an error where there is none."""
    type_ = array.type.of[0]
    from_one = 0 if node.how.endswith("ORDINAL") else 1
    if node.how.startswith("SAFE"):
        if isinstance(index.constant, int):
            place = str(max(index.constant + from_one, 0))
        else:
            place = f"(least(greatest({index.sql}, -1), 4294967296) + {from_one})"
            place = f"greatest({place}, 0)" if not from_one else place
        return Value(f"list_extract({array.sql}, {place})", type_, total=array.total and index.total)

    def written(parts: dict[str, str]) -> str:
        listed, place = parts["a"], parts["i"]
        found = f"list_extract({listed}, {place} + {from_one})"
        outside = f"{place} NOT BETWEEN {1 - from_one} AND len({listed}) - {from_one}"
        return f"(CASE WHEN {outside} THEN error('an index is outside its array') ELSE {found} END)"

    parts = {"a": array.sql, "i": index.sql}
    if arithmetic.repeatable(array) and arithmetic.repeatable(index):
        return Value(written(parts), type_)
    return Value(held(translator, parts, written), type_)
