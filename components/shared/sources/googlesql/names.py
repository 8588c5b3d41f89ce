"""What a name means: a column, an entry of FROM, a field below one, or the SELECT's own column."""

from collections.abc import Iterator
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.values import Column, RangeVariable, Scope, Value


def resolve(translator: Any, node: s.Name, scope: Scope) -> Value:
    """What a path of names means, looked for here first and then around.

    Raises:
        QueryError: Nothing has the name, or more than one thing.
    """
    level: Scope | None = scope
    while level is not None:
        found = _in_level(translator, node, level)
        if found is not None:
            return found
        level = level.parent
    known = sorted({column.name for each in _levels(scope) for column in _columns(each) if column.name})
    raise translator.refused(
        node,
        f"the unknown name '{'.'.join(node.parts)}'",
        f"Known here: {', '.join(known[:30])}{' …' if len(known) > 30 else ''}." if known else "",
    )


def _levels(scope: Scope | None) -> Iterator[Scope]:
    while scope is not None:
        yield scope
        scope = scope.parent


def _in_level(translator: Any, node: s.Name, scope: Scope) -> Value | None:
    first = node.parts[0].lower()
    alias = scope.aliases.get(first)
    if alias is not None and scope.aliases_first:
        return _fields(translator, node, alias, node.parts[1:])
    found = _from_sources(translator, node, scope, first)
    if found is None:
        return _fields(translator, node, alias, node.parts[1:]) if alias is not None else None
    value, rest = found
    if alias is not None and alias.sql != value.sql:
        raise translator.refused(
            node,
            f"'{node.parts[0]}' may be the column of FROM or that of SELECT",
            "Give one of them another name.",
        )
    grouping: Any = scope.grouping
    if grouping is not None:
        value, rest = grouping.grouped(node, value, rest)
    return _fields(translator, node, value, rest)


def _from_sources(
    translator: Any, node: s.Name, scope: Scope, first: str
) -> tuple[Value, tuple[str, ...]] | None:
    variables = [each for each in scope.variables if each.alias.lower() == first]
    if len(variables) == 1 and len(node.parts) > 1:
        return _of_variable(translator, node, variables[0])
    columns = [column.value for column in _columns(scope) if column.name.lower() == first]
    if len(variables) > 1 or len({each.sql for each in columns}) > 1 or len(columns) > 1:
        raise translator.refused(
            node, f"the name '{node.parts[0]}' for more than one", "Write the table's name before it."
        )
    if variables and (not columns or variables[0].whole is not None):
        return _of_variable(translator, node, variables[0])
    if variables:
        raise translator.refused(node, f"'{node.parts[0]}' for a table and a column")
    if columns:
        return columns[0], node.parts[1:]
    return None


def _of_variable(translator: Any, node: s.Name, variable: RangeVariable) -> tuple[Value, tuple[str, ...]]:
    if variable.whole is not None:
        return variable.whole, node.parts[1:]
    if len(node.parts) == 1:
        return row_of(translator, node, variable), ()
    name = node.parts[1].lower()
    found = [column.value for column in variable.columns if column.name.lower() == name]
    if not found:
        known = ", ".join(column.name for column in variable.columns if column.name)
        raise translator.refused(
            node, f"'{node.parts[0]}' has no column '{node.parts[1]}'", f"Known: {known}."
        )
    if len(found) > 1:
        raise translator.refused(node, f"'{'.'.join(node.parts[:2])}' for more than one column")
    return found[0], node.parts[2:]


def row_of(translator: Any, node: s.Node, variable: RangeVariable) -> Value:
    """A whole row as a STRUCT."""
    type_ = t.struct_of(
        [each.name for each in variable.columns], [each.value.type for each in variable.columns]
    )
    return translator.struct(type_, [each.value for each in variable.columns], node)  # type: ignore[no-any-return]


def _columns(scope: Scope) -> Iterator[Column]:
    """Every column that is seen without a table's name."""
    yield from scope.merged
    for variable in scope.variables:
        for column in variable.columns:
            if column.name.lower() not in variable.merged:
                yield column


def visible(scope: Scope) -> list[Column]:
    """The columns of `*`, in order."""
    return list(_columns(scope))


def _fields(translator: Any, node: s.Node, value: Value, names: tuple[str, ...]) -> Value:
    for name in names:
        value = field_of(translator, node, value, name)
    return value


def field_of(translator: Any, node: s.Node, value: Value, name: str) -> Value:
    """A field of a STRUCT.

    Raises:
        QueryError: The value is none, or has no such field.
    """
    if not value.type.is_struct:
        raise translator.refused(node, f"the field '{name}' of {value.type}")
    found = [place for place, each in enumerate(value.type.names) if each.lower() == name.lower()]
    if len(found) != 1:
        raise translator.refused(node, f"the field '{name}' of {value.type}")
    stored = t.literal(value.type.fields[found[0]])
    return Value(f"struct_extract({value.sql}, {stored})", value.type.of[found[0]], total=value.total)
