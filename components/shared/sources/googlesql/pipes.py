"""Queries by pipes: FROM t |> WHERE … |> AGGREGATE …, each pipe a SELECT over the one before."""

from dataclasses import replace
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.names import visible
from components.shared.sources.googlesql.ordering import order_keys
from components.shared.sources.googlesql.sources import fields_of
from components.shared.sources.googlesql.values import (
    Column,
    OrderKey,
    RangeVariable,
    Relation,
    Scope,
    Value,
)


class _Rows:
    """The rows before a pipe: what stands in FROM, the names in view, an order that the next LIMIT keeps."""

    def __init__(self, sql: str, scope: Scope, order: tuple[OrderKey, ...] = ()) -> None:
        self.sql, self.scope, self.order = sql, scope, order


def piped(translator: Any, node: s.Query, parent: Scope | None) -> Relation:
    """A query with pipes."""
    if isinstance(node.body, s.From):
        scope = Scope(parent=parent)
        rows = _Rows(translator.source(node.body.source, scope), scope)
    else:
        rows = _over(translator, translator.query(replace(node, pipes=(), ctes=()), parent), parent)
    for pipe in node.pipes:
        rows = _PIPES[pipe.operator](translator, pipe, rows)
    return _shown(translator, rows, node)


def _shown(translator: Any, rows: _Rows, node: s.Node) -> Relation:
    """The rows as a relation of every column in view."""
    columns, variables = visible(rows.scope), rows.scope.variables
    whole = variables[0].whole if len(variables) == 1 else None
    if whole is not None:
        columns = [Column("", whole)]
    if not columns:
        raise translator.refused(node, "rows without columns")
    listed = [f"{each.value.sql} AS c{place}" for place, each in enumerate(columns)]
    listed += [f"{key.column} AS o{place}" for place, key in enumerate(rows.order)]
    order = tuple(replace(key, column=f"o{place}") for place, key in enumerate(rows.order))
    return Relation(
        f"SELECT {', '.join(listed)} FROM {rows.sql}",
        tuple(each.name for each in columns),
        tuple(each.value.type for each in columns),
        order,
        value_table=whole is not None,
    )


def _over(translator: Any, relation: Relation, parent: Scope | None, alias: str = "") -> _Rows:
    """A relation as the rows before the next pipe."""
    scope = Scope(parent=parent)
    name = translator.new_name()
    columns = relation.columns(name)
    if relation.value_table:
        scope.variables.append(RangeVariable(alias, fields_of(columns[0].value), columns[0].value))
    else:
        scope.variables.append(RangeVariable(alias, columns))
    order = tuple(replace(key, column=f"{name}.{key.column}") for key in relation.order)
    return _Rows(f"({relation.sql}) AS {name}", scope, order)


def _kept(translator: Any, rows: _Rows, behind: str, order: tuple[OrderKey, ...] = ()) -> _Rows:
    """The same names over `SELECT … FROM rows behind`."""
    name = translator.new_name()
    listed: list[str] = []

    def moved(value: Value) -> Value:
        listed.append(f"{value.sql} AS c{len(listed)}")
        return replace(value, sql=f"{name}.c{len(listed) - 1}")

    def column(each: Column) -> Column:
        return Column(each.name, moved(each.value))

    variables = []
    for variable in rows.scope.variables:
        if variable.whole is not None:
            whole = moved(variable.whole)
            variables.append(replace(variable, whole=whole, columns=fields_of(whole)))
        else:
            variables.append(replace(variable, columns=tuple(map(column, variable.columns))))
    scope = replace(rows.scope, variables=variables, merged=list(map(column, rows.scope.merged)))
    keys: list[OrderKey] = []
    for key in order:
        listed.append(f"{key.column} AS o{len(keys)}")
        keys.append(replace(key, column=f"{name}.o{len(keys)}"))
    return _Rows(f"(SELECT {', '.join(listed)} FROM {rows.sql}{behind}) AS {name}", scope, tuple(keys))


def _where(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    condition = translator.boolean(pipe.where, replace(rows.scope, clause="WHERE"))
    return _kept(translator, rows, f" WHERE {condition}")


def _select(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    node = s.Select(at=pipe.at, items=pipe.items, distinct=pipe.distinct)
    return _over(
        translator, translator.select_from(node, rows.scope, f" FROM {rows.sql}", ()), rows.scope.parent
    )


def _extend(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    top = replace(rows.scope, allows_windows=True, clause="EXTEND")
    added = []
    for item in pipe.items:
        if isinstance(item.value, s.Star):
            raise translator.refused(item, "no counterpart for * in EXTEND")
        name = item.alias or (item.value.parts[-1] if isinstance(item.value, s.Name) else "")
        added.append(Column(name, translator.value(item.value, top)))
    scope = replace(rows.scope, variables=[*rows.scope.variables, RangeVariable("", tuple(added))])
    return _kept(translator, _Rows(rows.sql, scope), "")


def _set(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    top = replace(rows.scope, allows_windows=True, clause="SET")
    values = {item.alias.lower(): translator.value(item.value, top) for item in pipe.items}
    _known(translator, pipe, rows, values)
    return _renewed(
        translator, rows, lambda each: replace(each, value=values.get(each.name.lower(), each.value))
    )


def _renewed(translator: Any, rows: _Rows, change: Any) -> _Rows:
    """The visible columns, each changed or left out, without what stood in FROM."""
    columns = [changed for each in visible(rows.scope) if (changed := change(each)) is not None]
    scope = Scope([RangeVariable("", tuple(columns))], parent=rows.scope.parent)
    return _kept(translator, _Rows(rows.sql, scope), "")


def _known(translator: Any, pipe: s.Pipe, rows: _Rows, names: Any) -> None:
    columns = [each.name.lower() for each in visible(rows.scope)]
    for name in names:
        if columns.count(name) != 1:
            raise translator.refused(pipe, f"{columns.count(name)} columns '{name}'")


def _drop(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    names = {name.lower() for name, _ in pipe.names}
    _known(translator, pipe, rows, names)
    return _renewed(translator, rows, lambda each: None if each.name.lower() in names else each)


def _rename(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    names = {old.lower(): new for old, new in pipe.names}
    _known(translator, pipe, rows, names)
    return _renewed(
        translator, rows, lambda each: replace(each, name=names.get(each.name.lower(), each.name))
    )


def _as(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    del translator
    scope = Scope([RangeVariable(pipe.names[0][0], tuple(visible(rows.scope)))], parent=rows.scope.parent)
    return _Rows(rows.sql, scope, rows.order)


def _distinct(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    node = s.Select(at=pipe.at, items=(s.Item(at=pipe.at, value=s.Star(at=pipe.at)),), distinct=True)
    return _over(
        translator, translator.select_from(node, rows.scope, f" FROM {rows.sql}", ()), rows.scope.parent
    )


def _order(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:

    top = replace(rows.scope, allows_windows=True, clause="ORDER BY")
    keys = []
    for key in pipe.order:
        if isinstance(key.value, s.Constant):
            raise translator.refused(key, "no counterpart for the order of a column by its number in a pipe")
        keys += order_keys(translator, key, translator.value(key.value, top))
    return _kept(translator, rows, "", tuple(keys))


def _limit(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    order = f" ORDER BY {', '.join(each.sql for each in rows.order)}" if rows.order else ""
    counted = translator.limited(Relation("SELECT 1 AS c0", ("",), ()), pipe.limit, pipe.offset).sql
    return _kept(translator, rows, order + counted[counted.rindex(" LIMIT ") :], rows.order)


def _aggregate(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    keys = pipe.group.keys if pipe.group else ()
    named = tuple(
        s.Item(at=key.at, value=key, alias=alias) for key, (alias, _) in zip(keys, pipe.names, strict=True)
    )
    node = s.Select(at=pipe.at, items=(*named, *pipe.items), group=pipe.group if keys else None)
    if not keys and not pipe.items:
        raise translator.refused(pipe, "AGGREGATE of nothing")
    if not keys:
        node = replace(node, group=s.GroupBy(at=pipe.at, keys=()))
    order = tuple(s.Key(at=key.at, value=key) for key in keys) if pipe.ordered else ()
    return _over(
        translator, translator.select_from(node, rows.scope, f" FROM {rows.sql}", order), rows.scope.parent
    )


def _join(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    scope = replace(rows.scope, variables=list(rows.scope.variables), merged=list(rows.scope.merged))
    return _Rows(translator.joined(pipe.source, rows.sql, scope), scope)


def _pivot(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    made = translator.pivoted if pipe.operator == "PIVOT" else translator.unpivoted
    alias = pipe.source.alias  # type: ignore[union-attr] # the parser's: PIVOT or UNPIVOT
    return _over(translator, made(pipe.source, rows.sql, rows.scope), rows.scope.parent, alias)


def _combined(translator: Any, pipe: s.Pipe, rows: _Rows) -> _Rows:
    relations = [
        _shown(translator, rows, pipe),
        *(translator.query(each, rows.scope.parent) for each in pipe.queries),
    ]
    relation = relations[0]
    for other in relations[1:]:
        relation = translator.combined(pipe, pipe.operator, [relation, other])
    return _over(translator, relation, rows.scope.parent)


_PIPES = {
    "WHERE": _where,
    "SELECT": _select,
    "EXTEND": _extend,
    "SET": _set,
    "DROP": _drop,
    "RENAME": _rename,
    "AS": _as,
    "DISTINCT": _distinct,
    "ORDER": _order,
    "LIMIT": _limit,
    "AGGREGATE": _aggregate,
    "JOIN": _join,
    "PIVOT": _pivot,
    "UNPIVOT": _pivot,
    **dict.fromkeys(("UNION ALL", "UNION DISTINCT", "INTERSECT DISTINCT", "EXCEPT DISTINCT"), _combined),
}
