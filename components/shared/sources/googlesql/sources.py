"""FROM in DuckDB's SQL: tables, sub-selects, UNNEST, joins, PIVOT, UNPIVOT, and what each makes known."""

from abc import abstractmethod
from dataclasses import replace

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.comparisons import equal
from components.shared.sources.googlesql.expressions import Translator
from components.shared.sources.googlesql.names import visible
from components.shared.sources.googlesql.values import Column, RangeVariable, Relation, Scope, Value


class Sources(Translator):
    """Translates what stands in FROM; each method adds to the scope and gives the SQL."""

    ctes: dict[str, Relation]

    @abstractmethod
    def table(self, node: s.Table) -> Relation:
        """A table of the source, in the class that knows them."""

    def source(self, node: s.Source, scope: Scope) -> str:
        """An entry of FROM.

        Raises:
            QueryError: A table or a column is unknown, or a construct has no counterpart.
        """
        match node:
            case s.Table():
                return self._table(node, scope)
            case s.Derived():
                relation = self.query(node.query, scope.parent)
                return self._derived(relation, node.alias, scope)
            case s.Unnest():
                return self._unnest(node, scope)
            case s.Join():
                return self._join(node, scope)
            case s.Pivot():
                return self._pivot(node, scope)
            case s.Unpivot():
                return self._unpivot(node, scope)

    def _table(self, node: s.Table, scope: Scope) -> str:
        array = self._array_path(node, scope)
        if array is not None:
            return self._unnest(array, scope)
        name = node.alias or node.path[-1]
        relation = self.ctes.get(node.path[0].lower()) if len(node.path) == 1 else None
        return self._derived(relation or self.table(node), name, scope)

    def _array_path(self, node: s.Table, scope: Scope) -> s.Unnest | None:
        """`t.a` behind `FROM t`: an array of the row before."""
        if len(node.path) < 2 or node.single:
            return None
        first = node.path[0].lower()
        level: Scope | None = scope
        while level is not None:
            if any(variable.alias.lower() == first for variable in level.variables):
                name = s.Name(at=node.at, parts=node.path)
                return s.Unnest(at=node.at, array=name, alias=node.alias or node.path[-1])
            level = level.parent
        return None

    def _derived(self, relation: Relation, alias: str, scope: Scope) -> str:
        name = self.new_name()
        columns = relation.columns(name)
        if relation.value_table:
            row = columns[0].value
            scope.variables.append(RangeVariable(alias, fields_of(row), row))
        else:
            scope.variables.append(RangeVariable(alias, columns))
        return f"({relation.sql}) AS {name}"

    def _unnest(self, node: s.Unnest, scope: Scope) -> str:
        array = self.value(node.array, scope)
        if not array.type.is_array:
            raise self.refused(node, f"UNNEST of {array.type}")
        name = self.new_name()
        element = array.type.of[0]
        whole = Value(f"{name}.c0", element, total=True)
        offset = Column(node.offset or "", Value(f"{name}.c1", t.INT64, total=True))
        if element.is_struct:
            scope.variables.append(RangeVariable(node.alias, fields_of(whole), whole))
        else:
            scope.variables.append(RangeVariable("", (Column(node.alias, whole),)))
        if node.offset is not None:
            scope.variables.append(RangeVariable("", (offset,)))
        numbered = ", generate_subscripts(a, 1) - 1 AS c1" if node.offset is not None else ""
        inner = f"SELECT unnest(a) AS c0{numbered} FROM (SELECT {array.sql} AS a)"
        return f"LATERAL ({inner}) AS {name}"

    # --- joins ---

    def _join(self, node: s.Join, scope: Scope) -> str:
        left = self.source(node.left, scope)
        return self.joined(node, left, scope)

    def joined(self, node: s.Join, left: str, scope: Scope) -> str:
        """What is before a JOIN, and the JOIN; its left side is in the scope already."""
        before = len(scope.variables)
        lateral = _looks_left(node.right)
        inside = scope if lateral else Scope(parent=scope.parent, windows=scope.windows)
        known = len(inside.variables)
        right = self.source(node.right, inside)
        added = inside.variables[known:]
        merged_right = [] if lateral else inside.merged
        if not lateral:
            scope.variables.extend(added)
        if node.kind in {"CROSS", "COMMA"}:
            if node.on is not None or node.using:
                raise self.refused(node, "ON or USING behind CROSS JOIN")
            scope.merged.extend(merged_right)
            return f"{left} CROSS JOIN {right}"
        if lateral and node.kind in {"RIGHT", "FULL"}:
            raise self.refused(node, f"{node.kind} JOIN with an array of the row before")
        if node.using:
            scope.merged.extend(merged_right)
            return self._using(node, left, right, scope, before)
        if node.on is None:
            if not (lateral and node.kind in {"LEFT", "INNER"}):
                raise self.refused(node, "a JOIN without ON or USING")
            return f"{left} {node.kind} JOIN {right} ON true"
        scope.merged.extend(merged_right)
        within = replace(scope, clause="ON", allows_windows=False)
        return f"{left} {node.kind} JOIN {right} ON {self.boolean(node.on, within)}"

    def _using(self, node: s.Join, left: str, right: str, scope: Scope, before: int) -> str:
        lefts = Scope(scope.variables[:before], list(scope.merged))
        rights = Scope(scope.variables[before:])
        conditions, merged = [], []
        for name in node.using:
            one, other = self._only(lefts, name, node), self._only(rights, name, node)
            type_ = self.common([one, other], node)
            first, second = self.coerce(one, type_, node), self.coerce(other, type_, node)

            conditions.append(equal(self, node, first, second))
            sql = {"RIGHT": second.sql, "FULL": f"coalesce({first.sql}, {second.sql})"}.get(
                node.kind, first.sql
            )
            merged.append(Column(name, Value(sql, type_, total=True)))
        names = frozenset(each.lower() for each in node.using)
        scope.variables[:] = [replace(each, merged=each.merged | names) for each in scope.variables]
        scope.merged[:] = merged + [each for each in scope.merged if each.name.lower() not in names]
        return f"{left} {node.kind} JOIN {right} ON {' AND '.join(conditions)}"

    def _only(self, scope: Scope, name: str, node: s.Join) -> Value:
        found = [each.value for each in visible(scope) if each.name.lower() == name.lower()]
        if len(found) != 1:
            raise self.refused(node, f"USING ({name}): {len(found)} columns of that name on one side")
        return found[0]

    # --- PIVOT and UNPIVOT ---

    def _pivot(self, node: s.Pivot, scope: Scope) -> str:
        inner = Scope(parent=scope.parent)
        before = self.source(node.source, inner)
        relation = self.pivoted(node, before, inner)
        return self._derived(relation, node.alias, scope)

    @abstractmethod
    def pivoted(self, node: s.Pivot, before: str, inner: Scope) -> Relation:
        """PIVOT: grouped by every column that it does not name, an aggregate for each value."""

    def _unpivot(self, node: s.Unpivot, scope: Scope) -> str:
        inner = Scope(parent=scope.parent)
        before = self.source(node.source, inner)
        return self._derived(self.unpivoted(node, before, inner), node.alias, scope)

    def unpivoted(self, node: s.Unpivot, before: str, inner: Scope) -> Relation:
        """UNPIVOT: a row for each of the columns that it names."""
        columns = visible(inner)
        used = {name.lower() for names, _ in node.among for name in names}
        kept = [each for each in columns if each.name.lower() not in used]
        labels = [
            self.value(label, inner)
            if label is not None
            else Value(t.literal("_".join(names)), t.STRING, "STRING", total=True)
            for names, label in node.among
        ]
        label_type = self.common(labels, node)
        rows: list[list[Value]] = [
            [self._only_in(columns, name, node) for name in names] for names, _ in node.among
        ]
        types = [self._one_type([row[place] for row in rows], node) for place in range(len(node.values))]
        parts = []
        for row, label in zip(rows, labels, strict=True):
            listed = [each.value.sql for each in kept]
            listed += [each.sql for each in row]
            listed += [self.coerce(label, label_type, node).sql]
            named = ", ".join(f"{sql} AS c{index}" for index, sql in enumerate(listed))
            some = " OR ".join(f"{each.sql} IS NOT NULL" for each in row)
            where = "" if node.include_nulls else f" WHERE ({some})"
            parts.append(f"SELECT {named} FROM {before}{where}")
        names = [each.name for each in kept] + list(node.values) + [node.name]
        all_types = [each.value.type for each in kept] + types + [label_type]
        return Relation(" UNION ALL ".join(parts), tuple(names), tuple(all_types))

    def _one_type(self, values: list[Value], node: s.Unpivot) -> t.Type:
        if len({each.type for each in values}) > 1:
            raise self.refused(
                node,
                f"UNPIVOT of {', '.join(str(each.type) for each in values)}",
                "Cast them to one type first.",
            )
        return values[0].type

    def _only_in(self, columns: list[Column], name: str, node: s.Node) -> Value:
        found = [each.value for each in columns if each.name.lower() == name.lower()]
        if len(found) != 1:
            raise self.refused(node, f"{len(found)} columns '{name}'")
        return found[0]


def fields_of(row: Value) -> tuple[Column, ...]:
    """The fields of a STRUCT as columns; nothing for another value."""
    if not row.type.is_struct:
        return ()
    return tuple(
        Column(name, Value(f"struct_extract({row.sql}, {t.literal(stored)})", type_, total=True))
        for name, stored, type_ in zip(row.type.names, row.type.fields, row.type.of, strict=True)
    )


def _looks_left(node: s.Source) -> bool:
    """Whether the right side of a join may use the row before: UNNEST and paths of arrays."""
    return isinstance(node, s.Unnest | s.Table)
