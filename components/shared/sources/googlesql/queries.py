"""Queries in DuckDB's SQL: SELECT, set operations, WITH, ORDER BY and LIMIT.

Every query becomes SQL whose columns are c0, c1 …; names live here alone, so that nothing depends on
how DuckDB resolves them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.grouping import Grouping, aggregates_in, windows_in
from components.shared.sources.googlesql.names import visible
from components.shared.sources.googlesql.ordering import groupable, order_keys
from components.shared.sources.googlesql.query import own_name
from components.shared.sources.googlesql.sources import Sources
from components.shared.sources.googlesql.trees import nodes
from components.shared.sources.googlesql.values import (
    LiteralKind,
    OrderKey,
    RangeVariable,
    Relation,
    Scope,
    Value,
)
from configs.errors import QueryError

Resolve = Callable[[s.Table], Relation]


@dataclass(frozen=True)
class _Output:
    """A column of a SELECT: a tree to translate, or a value that `*` has brought."""

    name: str
    node: s.Expr
    value: Value | None = None


class Queries(Sources):
    """Translates queries over the tables that `resolve` finds."""

    def __init__(self, text: str, parameters: Mapping[str, Any], resolve: Resolve) -> None:
        super().__init__(text, parameters)
        self._resolve = resolve
        self.ctes = {}

    def table(self, node: s.Table) -> Relation:
        """A table of the source."""
        return self._resolve(node)

    def query(self, node: s.Query, scope: Scope | None) -> Relation:
        """A query within a scope.

        Raises:
            QueryError: See `Translator.value`.
        """
        before = dict(self.ctes)
        with_ = [self._cte(name, query, node, scope) for name, query in node.ctes]
        if node.pipes or isinstance(node.body, s.From):
            from components.shared.sources.googlesql.pipes import piped

            relation = piped(self, node, scope)
        else:
            relation = self._ordered(node, scope)
        self.ctes = before
        if not with_:
            return relation
        recursive = "RECURSIVE " if node.recursive else ""
        sql = f"SELECT * FROM ({relation.sql})" if relation.sql.startswith("WITH ") else relation.sql
        return replace(relation, sql=f"WITH {recursive}{', '.join(with_)} {sql}")

    def _cte(self, name: str, query: s.Query, node: s.Query, scope: Scope | None) -> str:
        if node.recursive and _names(query, name):
            return self._recursive(name, query, scope)
        relation = self.query(query, scope)
        alias = self.new_name()
        columns = ", ".join(f"c{place}" for place in range(len(relation.types)))
        self.ctes[name.lower()] = replace(relation, sql=f"SELECT {columns} FROM {alias}", order=())
        return f"{alias} AS ({relation.sql})"

    def _recursive(self, name: str, query: s.Query, scope: Scope | None) -> str:
        body = query.body
        if (
            not isinstance(body, s.SetOperation)
            or not body.operator.startswith("UNION")
            or query.order
            or query.limit
        ):
            raise self.refused(query, f"WITH RECURSIVE {name} without UNION between a first and a next step")
        first = self.query(body.left, scope)
        alias = self.new_name()
        columns = [f"c{place}" for place in range(len(first.types))]
        known = Relation(f"SELECT {', '.join(columns)} FROM {alias}", first.names, first.types)
        self.ctes[name.lower()] = known
        following = self.query(body.right, scope)
        if len(following.types) != len(first.types):
            raise self.refused(body, f"{len(following.types)} columns behind {len(first.types)}")
        rest = self.as_types(following, first.types, body)
        operator = "UNION ALL" if body.operator.endswith("ALL") else "UNION"
        return f"{alias}({', '.join(columns)}) AS ({self.plain(first)} {operator} {rest})"

    def plain(self, relation: Relation) -> str:
        """A relation's SQL with its columns alone."""
        columns = ", ".join(f"c{place}" for place in range(len(relation.types)))
        return f"SELECT {columns} FROM ({relation.sql})" if relation.order else relation.sql

    def as_types(self, relation: Relation, types: Sequence[t.Type], node: s.Node) -> str:
        """A relation's SQL with its columns as other types."""
        name = self.new_name()
        columns = [
            self.coerce(replace(column.value, literal=literal), type_, node).sql + f" AS c{place}"
            for place, (column, type_, literal) in enumerate(
                zip(relation.columns(name), types, relation.literals, strict=True)
            )
        ]
        return f"SELECT {', '.join(columns)} FROM ({relation.sql}) AS {name}"

    def _ordered(self, node: s.Query, scope: Scope | None) -> Relation:
        body = node.body
        if isinstance(body, s.Select):
            relation = self.select(body, scope, node.order)
        elif isinstance(body, s.SetOperation):
            relation = self.ordered(self.set_operation(body, scope), node.order, scope)
        else:
            assert isinstance(body, s.Query)  # noqa: S101 - FROM alone is a pipe
            inner = self.query(body, scope)
            relation = self.ordered(inner, node.order, scope) if node.order else inner
        return self.limited(relation, node.limit, node.offset)

    def limited(self, relation: Relation, limit: s.Expr | None, offset: s.Expr | None) -> Relation:
        """A relation's first rows."""
        if limit is None:
            return relation
        keys = [each.sql for each in relation.order]
        if keys:  # rows that the keys do not tell apart are told apart by the rest: the same rows each time
            keys += [
                f"c{place}" for place, each in enumerate(relation.types) if not each.of and each != t.JSON
            ]
        order = f" ORDER BY {', '.join(keys)}" if keys else ""
        behind = f" OFFSET {self._count(offset)}" if offset is not None else ""
        return replace(
            relation, sql=f"SELECT * FROM ({relation.sql}){order} LIMIT {self._count(limit)}{behind}"
        )

    def _count(self, node: s.Expr) -> str:
        value = self.value(node, Scope())
        if value.type != t.INT64 or not isinstance(value.constant, int) or value.constant < 0:
            raise self.refused(node, "LIMIT or OFFSET that is no number of rows")
        return str(value.constant)

    def ordered(self, relation: Relation, order: Sequence[s.Key], scope: Scope | None) -> Relation:
        """A relation in the order of some of its columns or of expressions over them."""
        if not order:
            return relation
        name = self.new_name()
        columns = relation.columns(name)
        inner = Scope([RangeVariable("", columns)], parent=scope, clause="ORDER BY")
        keys = self._keys(order, [column.value for column in columns], inner)
        listed = [f"{name}.c{place}" for place in range(len(columns))]
        hidden, named = _hidden(keys)
        return replace(
            relation, sql=f"SELECT {', '.join(listed + hidden)} FROM ({relation.sql}) AS {name}", order=named
        )

    def _keys(self, order: Sequence[s.Key], columns: Sequence[Value], scope: Scope) -> list[OrderKey]:
        keys = []
        for key in order:
            value = self._ordinal(key.value, columns) or self.value(key.value, scope)
            keys += order_keys(self, key, value)
        return keys

    def _ordinal(self, node: s.Expr, columns: Sequence[Value]) -> Value | None:
        """The column that `ORDER BY 2` means."""
        if not isinstance(node, s.Constant):
            return None
        if node.type != "INT64" or not 1 <= int(str(node.value), 0) <= len(columns):
            raise self.refused(node, f"a constant where one of {len(columns)} columns is expected")
        return columns[int(str(node.value), 0) - 1]

    # --- set operations ---

    def set_operation(self, node: s.SetOperation, scope: Scope | None) -> Relation:
        """UNION, INTERSECT, EXCEPT."""
        return self.combined(
            node, node.operator, [self.query(each, scope) for each in (node.left, node.right)]
        )

    def combined(self, node: s.Node, operator: str, relations: Sequence[Relation]) -> Relation:
        """Relations one after the other by a set operation, as their common types."""
        first = relations[0]
        if any(len(each.types) != len(first.types) for each in relations):
            raise self.refused(
                node, f"{operator} of {' and '.join(str(len(each.types)) for each in relations)} columns"
            )
        types = [
            self.common([Value("", each.types[place], each.literals[place]) for each in relations], node)
            for place in range(len(first.types))
        ]
        if operator != "UNION ALL" and not all(groupable(Value("", each)) for each in types):
            raise self.refused(node, f"{operator} of values of {', '.join(map(str, types))}")
        word = operator.removesuffix(" DISTINCT")
        parts = [f"({self.as_types(each, types, node)})" for each in relations]
        columns = ", ".join(f"c{place}" for place in range(len(types)))
        sql = f"SELECT {columns} FROM ({f' {word} '.join(parts)})"
        return Relation(sql, first.names, tuple(types), value_table=first.value_table)

    # --- SELECT ---

    def select(self, node: s.Select, parent: Scope | None, order: Sequence[s.Key]) -> Relation:
        """A SELECT with the ORDER BY behind it."""
        scope = Scope(parent=parent)
        below = f" FROM {self.source(node.source, scope)}" if node.source is not None else ""
        return self.select_from(node, scope, below, order)

    def select_from(self, node: s.Select, scope: Scope, below: str, order: Sequence[s.Key]) -> Relation:
        """A SELECT over a FROM that is translated already."""
        scope.windows = {name.lower(): window for name, window in node.windows}
        if node.where is not None:
            below += f" WHERE {self.boolean(node.where, replace(scope, clause='WHERE'))}"
        outputs = self._outputs(node, scope)
        top = replace(scope, allows_windows=True, clause="SELECT")
        grouping = self._grouping(node, scope, outputs, order)
        if grouping is not None:
            top = replace(top, grouping=grouping)
        values = [self._output(each, top) for each in outputs]
        aliases = _aliases(outputs, values)
        having = None
        if node.having is not None:
            having = self.boolean(
                node.having, replace(top, aliases=aliases, clause="HAVING", allows_windows=False)
            )
        qualify = None
        if node.qualify is not None:
            qualify = self.boolean(node.qualify, replace(top, aliases=aliases, clause="QUALIFY"))
        if node.as_kind == "STRUCT":
            values, outputs = self._as_struct(node, values, outputs)
        elif node.as_kind == "VALUE" and len(values) != 1:
            raise self.refused(node, f"SELECT AS VALUE of {len(values)} columns")
        by = replace(top, aliases=aliases, aliases_first=True, clause="ORDER BY")
        keys = self._keys(order, values, by)
        if grouping is not None:
            grouped = grouping.sql(below, self._sets(node, grouping, scope, outputs))
            below = f" FROM ({grouped}) AS {grouping.alias}"
            below += f" WHERE {having}" if having else ""
        sql = self._assembled(node, values, keys, below, qualify)
        kept: set[LiteralKind] = {"NULL", "[]", "FLOAT64"}
        literals: tuple[LiteralKind, ...] = tuple(v.literal if v.literal in kept else "" for v in values)
        names = tuple(each.name for each in outputs)
        types = tuple(each.type for each in values)
        return Relation(
            sql, names, types, _hidden(keys)[1], value_table=bool(node.as_kind), literals=literals
        )

    def _assembled(
        self,
        node: s.Select,
        values: Sequence[Value],
        keys: Sequence[OrderKey],
        below: str,
        qualify: str | None,
    ) -> str:
        columns = [f"{_typed(value)} AS c{place}" for place, value in enumerate(values)]
        if not node.distinct:
            hidden, _ = _hidden(keys)
            if qualify is None:
                return f"SELECT {', '.join(columns + hidden)}{below}"
            inner = f"SELECT {', '.join([*columns, *hidden, f'{qualify} AS q'])}{below}"
            return f"SELECT * EXCLUDE (q) FROM ({inner}) WHERE q"
        for value in values:
            if not groupable(value):
                raise self.refused(node, f"SELECT DISTINCT of a value of {value.type}")
        inner = f"SELECT {', '.join(columns)}{below}"
        if qualify is not None:
            selected = ", ".join([*columns, f"{qualify} AS q"])
            inner = f"SELECT * EXCLUDE (q) FROM (SELECT {selected}{below}) WHERE q"
        found = {value.sql: f"c{place}" for place, value in enumerate(values)}
        shown = []
        for key in keys:
            column = found.get(key.column) or _of_column(key.column, found)
            if column is None:
                raise self.refused(node, "ORDER BY of something that SELECT DISTINCT does not show")
            shown.append(replace(key, column=column))
        hidden = [f"{key.column} AS o{place}" for place, key in enumerate(shown)]
        distinct = f"SELECT DISTINCT * FROM ({inner})"
        listed = [f"c{place}" for place in range(len(values))]
        return f"SELECT {', '.join(listed + hidden)} FROM ({distinct})"

    def _outputs(self, node: s.Select, scope: Scope) -> list[_Output]:
        outputs = []
        for item in node.items:
            if isinstance(item.value, s.Star):
                outputs += self._star_columns(item.value, scope)
            else:
                outputs.append(_Output(item.alias or own_name(item.value), item.value))
        if not outputs:
            raise self.refused(node, "a SELECT without columns")
        return outputs

    def _star_columns(self, star: s.Star, scope: Scope) -> list[_Output]:
        columns = [_Output(each.name, star, each.value) for each in self._starred(star, scope)]
        known = {each.name.lower() for each in columns}
        for name in (*star.without, *(item.alias for item in star.replaced)):
            if name.lower() not in known:
                raise self.refused(
                    star,
                    f"'{name}', which * does not bring",
                    f"Known: {', '.join(each.name for each in columns)}.",
                )
        left = [each for each in columns if each.name.lower() not in {name.lower() for name in star.without}]
        if not left:
            raise self.refused(star, "a * without any column")
        replaced = {item.alias.lower(): item.value for item in star.replaced}
        return [
            _Output(each.name, replaced[each.name.lower()]) if each.name.lower() in replaced else each
            for each in left
        ]

    def _starred(self, star: s.Star, scope: Scope) -> Sequence[Any]:
        if star.of is None:
            if not scope.variables and not scope.merged:
                raise self.refused(star, "* without FROM")
            return visible(scope)
        if isinstance(star.of, s.Name) and len(star.of.parts) == 1:
            named = [each for each in scope.variables if each.alias.lower() == star.of.parts[0].lower()]
            if named:
                return named[0].columns
        from components.shared.sources.googlesql.sources import fields_of

        value = self.value(star.of, scope)
        if not value.type.is_struct:
            raise self.refused(star, f".* behind {value.type}")
        return fields_of(value)

    def _output(self, output: _Output, scope: Scope) -> Value:
        if output.value is None:
            return self.value(output.node, scope)
        grouping: Any = scope.grouping
        if grouping is None:
            return output.value
        return grouping.grouped(s.Name(at=output.node.at, parts=(output.name,)), output.value, ())[0]  # type: ignore[no-any-return]

    def _as_struct(
        self, node: s.Select, values: list[Value], outputs: list[_Output]
    ) -> tuple[list[Value], list[_Output]]:
        type_ = t.struct_of([each.name for each in outputs], [each.type for each in values])
        return [self.struct(type_, values, node)], [_Output("", node.items[0].value)]

    # --- GROUP BY ---

    def _grouping(
        self, node: s.Select, scope: Scope, outputs: list[_Output], order: Sequence[s.Key]
    ) -> Grouping | None:
        nodes = [each.node for each in outputs if each.value is None]
        aggregated = any(
            True for each in (*nodes, node.having, node.qualify, tuple(order)) for _ in aggregates_in(each)
        )
        if node.group is None and not aggregated and node.having is None:
            return None
        grouping = Grouping(self, scope)
        if node.group is None:
            return grouping
        by = replace(scope, clause="GROUP BY", aliases=self._early_aliases(outputs, scope))
        keys = node.group.keys or tuple(dict.fromkeys(key for each in node.group.sets for key in each))
        for key in keys:
            if node.group.kind and not isinstance(key, s.Name):
                raise self.refused(
                    key, f"{node.group.kind} by what is no column", "Compute it in a sub-select first."
                )
            grouping.add_key(key, self._group_key(key, outputs, by))
        if node.group.everything:
            for each in outputs:
                if each.value is not None:
                    grouping.add_key(each.node, each.value)
                elif not any(True for _ in aggregates_in(each.node)) and not windows_in(each.node):
                    value = self.value(each.node, by)
                    if value.constant is None and not value.literal:
                        grouping.add_key(each.node, value)
        return grouping

    def _group_key(self, key: s.Expr, outputs: list[_Output], by: Scope) -> Value:
        if isinstance(key, s.Constant):
            if key.type != "INT64" or not 1 <= int(str(key.value), 0) <= len(outputs):
                raise self.refused(key, f"GROUP BY a constant that is none of {len(outputs)} columns")
            output = outputs[int(str(key.value), 0) - 1]
            if any(True for _ in aggregates_in(output.node)):
                raise self.refused(key, "GROUP BY an aggregate")
            return output.value or self.value(output.node, by)
        return self.value(key, by)

    def _early_aliases(self, outputs: list[_Output], scope: Scope) -> dict[str, Value]:
        """The SELECT's own names as GROUP BY may use them: those without aggregates."""
        found = {}
        for each in outputs:
            if not each.name or each.value is not None or any(True for _ in aggregates_in(each.node)):
                continue
            try:
                found[each.name.lower()] = self.value(each.node, replace(scope, clause="GROUP BY"))
            except QueryError:
                continue  # said where the column itself is translated
        return found

    def _sets(self, node: s.Select, grouping: Grouping, scope: Scope, outputs: list[_Output]) -> str:
        if node.group is None or not node.group.kind:
            return ""
        if node.group.kind != "GROUPING SETS":
            return f"{node.group.kind} ({', '.join(key.sql for key in grouping.keys)})"
        by = replace(scope, clause="GROUP BY", aliases=self._early_aliases(outputs, scope))
        sets = [
            f"({', '.join(self._group_key(key, outputs, by).sql for key in each)})"
            for each in node.group.sets
        ]
        return f"GROUPING SETS ({', '.join(sets)})"

    # --- PIVOT ---

    def pivoted(self, node: s.Pivot, before: str, inner: Scope) -> Relation:
        """See `Sources.pivoted`."""
        from components.shared.sources.googlesql.pivots import pivoted

        return pivoted(self, node, before, inner)


def _typed(value: Value) -> str:
    return f"CAST({value.sql} AS {t.in_duckdb(value.type)})" if value.literal == "NULL" else value.sql


def _aliases(outputs: Sequence[_Output], values: Sequence[Value]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for output, value in zip(outputs, values, strict=True):
        if output.name:
            found.setdefault(output.name.lower(), value)
    return found


def _hidden(keys: Sequence[OrderKey]) -> tuple[list[str], tuple[OrderKey, ...]]:
    """Keys as hidden columns o0 …, and the keys by those names."""
    columns = [f"{key.column} AS o{place}" for place, key in enumerate(keys)]
    return columns, tuple(replace(key, column=f"o{place}") for place, key in enumerate(keys))


def _of_column(key: str, columns: Mapping[str, str]) -> str | None:
    """The first key of a float over a column: whether it is a number."""
    for sql, column in columns.items():
        if key == f"(NOT isnan({sql}))":
            return f"(NOT isnan({column}))"
    return None


def _names(query: s.Query, name: str) -> bool:
    """Whether a query reads a table of that name."""
    tables = (node for node in nodes(query) if isinstance(node, s.Table))
    return any(len(table.path) == 1 and table.path[0].lower() == name.lower() for table in tables)
