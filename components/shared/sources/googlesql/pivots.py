"""PIVOT: one aggregate for each value of a column, grouped by what PIVOT does not name."""

from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.arguments import is_aggregate
from components.shared.sources.googlesql.grouping import Grouping
from components.shared.sources.googlesql.names import visible
from components.shared.sources.googlesql.trees import nodes
from components.shared.sources.googlesql.values import Relation, Scope, Value


def pivoted(translator: Any, node: s.Pivot, before: str, inner: Scope) -> Relation:
    """The relation that PIVOT makes.

    Raises:
        QueryError: A value is no constant, or an aggregate has no counterpart.
    """
    named = nodes((*node.aggregates, node.value))
    used = {each.parts[-1].lower() for each in named if isinstance(each, s.Name)}
    kept = [each for each in visible(inner) if each.name.lower() not in used]
    subject = translator.value(node.value, inner)
    grouping = Grouping(translator, inner)
    for each in kept:
        grouping.add_key(node, each.value)
    names, values = [each.name for each in kept], []
    for entry in node.among:
        value = translator.value(entry.value, inner)
        if value.constant is None and value.literal != "NULL":
            raise translator.refused(entry, "PIVOT for a value that is no literal")
        label = entry.alias or _label(translator, entry, value)
        condition = _same(translator, node, subject, value)
        for item in node.aggregates:
            if not isinstance(item.value, s.Call) or not is_aggregate(item.value):
                raise translator.refused(item, "PIVOT of other than an aggregate")
            if len(node.aggregates) > 1 and not item.alias:
                raise translator.refused(item, "PIVOT of more than one aggregate without their names")
            names.append(f"{item.alias}_{label}" if item.alias else label)
            values.append(grouping.aggregated(item.value, condition))
    columns = [f"{grouping.alias}.g{place} AS c{place}" for place in range(len(kept))]
    columns += [f"{each.sql} AS c{len(kept) + place}" for place, each in enumerate(values)]
    types = [each.value.type for each in kept] + [each.type for each in values]
    below = f" FROM {before}"
    return Relation(
        f"SELECT {', '.join(columns)} FROM ({grouping.sql(below)}) AS {grouping.alias}",
        tuple(names),
        tuple(types),
    )


def _same(translator: Any, node: s.Pivot, subject: Value, value: Value) -> str:
    type_ = translator.common([subject, value], node)
    if type_ == t.FLOAT64:
        raise translator.refused(node, "PIVOT for a FLOAT64")
    one, other = translator.coerce(subject, type_, node), translator.coerce(value, type_, node)
    return f"({one.sql} IS NOT DISTINCT FROM {other.sql})"


def _label(translator: Any, entry: s.Item, value: Value) -> str:
    """The name that a value gives its column."""
    if value.literal == "NULL":
        return "NULL"
    constant = value.constant
    if isinstance(constant, bool):
        return "TRUE" if constant else "FALSE"
    if value.type == t.INT64:
        return f"minus_{-int(str(constant))}" if int(str(constant)) < 0 else f"_{constant}"
    if value.type == t.STRING:
        return str(constant)
    raise translator.refused(entry, f"PIVOT for a {value.type} without a name for it")
