"""Expressions in DuckDB's SQL: what a tree means once the names and types around it are known."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql import types as t
from components.shared.sources.googlesql.casts import cast_value
from components.shared.sources.googlesql.comparisons import equal
from components.shared.sources.googlesql.elements import element
from components.shared.sources.googlesql.literals import constant, parameter
from components.shared.sources.googlesql.names import field_of, resolve
from components.shared.sources.googlesql.operators import between, binary, unary
from components.shared.sources.googlesql.text import position_at, query_error
from components.shared.sources.googlesql.types import Type
from components.shared.sources.googlesql.values import NULL, Scope, Value
from configs.errors import QueryError


class Translator(ABC):
    """What is known while one text is translated: the text, the values of @parameters, names not yet used."""

    def __init__(self, text: str, parameters: Mapping[str, Any]) -> None:
        self.text, self.parameters = text, parameters
        self._used = 0

    def new_name(self) -> str:
        """A name for a table that nothing else has."""
        self._used += 1
        return f"t{self._used}"

    def refused(self, node: s.Node, got: str, remedy: str = "") -> QueryError:
        """The error that refuses a part of the text, with its line and column."""
        return query_error(self.text, position_at(self.text, node.at), got, remedy)

    # --- becoming another type ---

    def distance(self, value: Value, wanted: Type) -> int | None:
        """How far a value is from a type: 0 its own, more with each step, None where there is none."""
        if value.type == wanted:
            return 0
        if t.PART in {value.type, wanted}:
            return None
        if value.literal == "NULL" or (value.literal == "[]" and wanted.is_array):
            return 1
        if value.literal == "STRING" and wanted in {t.DATE, t.DATETIME, t.TIME, t.TIMESTAMP}:
            return 20
        if value.literal == "FLOAT64" and wanted in {t.NUMERIC, t.BIGNUMERIC}:
            return 15
        if not t.becomes(value.type, wanted):
            return None
        numbers = (t.INT64, t.NUMERIC, t.BIGNUMERIC, t.FLOAT64)
        if value.type in numbers:
            return 2 + numbers.index(wanted) - numbers.index(value.type) + (-1 if wanted == t.FLOAT64 else 0)
        return 5

    def coerce(self, value: Value, wanted: Type, node: s.Node) -> Value:
        """A value as another type without CAST.

        Raises:
            QueryError: It does not become that type.
        """
        if value.type == wanted:
            return value
        if self.distance(value, wanted) is None:
            raise self.refused(node, f"{value.type} where {wanted} is expected")
        if value.literal == "NULL":
            return Value(f"CAST(NULL AS {t.in_duckdb(wanted)})", wanted, "NULL", total=True)
        if value.literal == "[]":
            return Value(f"CAST([] AS {t.in_duckdb(wanted)})", wanted, "[]", total=True)
        return cast_value(self, value, wanted, node)

    def common(self, values: Sequence[Value], node: s.Node) -> Type:
        """The type that all values become.

        Raises:
            QueryError: There is none.
        """
        typed = [each for each in values if each.literal not in {"NULL", "[]"}]
        typed = typed or [each for each in values if each.literal == "[]"] or list(values)
        candidates = [each.type for each in typed if not each.literal] or [each.type for each in typed]
        candidates += [each.type for each in typed]
        if any(each.type == t.FLOAT64 and each.literal != "FLOAT64" for each in typed):
            candidates = [t.FLOAT64, *candidates]
        if {each.type for each in typed} == {t.NUMERIC, t.FLOAT64} and all(
            each.type == t.NUMERIC or each.literal for each in typed
        ):
            candidates = [t.NUMERIC, *candidates]
        for candidate in candidates:
            if all(self.distance(each, candidate) is not None for each in values):
                return candidate
        struct = self._common_struct(typed)
        if struct:
            return struct
        raise self.refused(
            node, f"no type for {', '.join(dict.fromkeys(str(each.type) for each in typed))} together"
        )

    def _common_struct(self, values: Sequence[Value]) -> Type | None:
        first = values[0].type
        if not first.is_struct or any(
            not v.type.is_struct or len(v.type.of) != len(first.of) for v in values
        ):
            return None
        node = s.Constant(at=0, type="NULL", value=None)
        parts = [
            self.common([Value("", v.type.of[place]) for v in values], node) for place in range(len(first.of))
        ]
        return t.struct_of(first.names, parts)

    def cast(self, value: Value, wanted: Type, node: s.Node) -> Value:
        """A value by CAST."""
        return cast_value(self, value, wanted, node)

    # --- expressions ---

    def value(self, node: s.Expr, scope: Scope) -> Value:
        """What an expression means in a scope.

        Raises:
            QueryError: A name or a construct is unknown, or types do not fit; with line and column.
        """
        grouping: Any = scope.grouping
        if grouping is not None:
            found = grouping.match(node)
            if found is not None:
                return found  # type: ignore[no-any-return]
        translated: Value = getattr(self, _HANDLERS[type(node)])(node, scope)
        return translated

    def boolean(self, node: s.Expr, scope: Scope) -> str:
        """The SQL of a condition."""
        return self.coerce(self.value(node, scope), t.BOOL, node).sql

    @abstractmethod
    def query(self, node: s.Query, scope: Scope | None) -> Any:
        """A query's relation, in the class that translates them."""

    def _constant(self, node: s.Constant, scope: Scope) -> Value:  # noqa: ARG002 - handlers have one shape
        return constant(self, node)

    def _parameter(self, node: s.Parameter, scope: Scope) -> Value:  # noqa: ARG002 - handlers have one shape
        return parameter(self, node)

    def _name(self, node: s.Name, scope: Scope) -> Value:
        return resolve(self, node, scope)

    def _part(self, node: s.Part, scope: Scope) -> Value:  # noqa: ARG002 - handlers have one shape
        return Value("NULL", t.PART, constant=node)

    def _star(self, node: s.Star, scope: Scope) -> Value:  # noqa: ARG002 - handlers have one shape
        raise self.refused(node, "'*' where a value is expected")

    def _unary(self, node: s.Unary, scope: Scope) -> Value:
        if (
            node.operator == "-"
            and isinstance(node.value, s.Constant)
            and node.value.type in {"INT64", "FLOAT64"}
        ):
            return constant(
                self, s.Constant(at=node.at, type=node.value.type, value=f"-{node.value.value!s}")
            )
        return unary(self, node, self.value(node.value, scope))

    def _binary(self, node: s.Binary, scope: Scope) -> Value:
        return binary(self, node, self.value(node.left, scope), self.value(node.right, scope))

    def _is(self, node: s.Is, scope: Scope) -> Value:
        value = self.value(node.value, scope)
        negation = "NOT " if node.negated else ""
        if node.what == "NULL":
            return Value(f"({value.sql} IS {negation}NULL)", t.BOOL, total=value.total)
        if node.what == "DISTINCT":
            assert node.other is not None  # noqa: S101 - the parser's
            other = self.value(node.other, scope)
            type_ = self.common([value, other], node)
            if type_.is_array:
                raise self.refused(node, "arrays are not comparable")
            left, right = self.coerce(value, type_, node), self.coerce(other, type_, node)
            return Value(
                f"({left.sql} IS {negation}DISTINCT FROM {right.sql})",
                t.BOOL,
                total=left.total and right.total,
            )
        truth = self.coerce(value, t.BOOL, node)
        return Value(f"(({truth.sql}) IS {negation}{node.what})", t.BOOL, total=truth.total)

    def _between(self, node: s.Between, scope: Scope) -> Value:
        values = [self.value(each, scope) for each in (node.value, node.low, node.high)]
        return between(self, node, values)

    def _in(self, node: s.In, scope: Scope) -> Value:
        value = self.value(node.value, scope)
        negation = "NOT " if node.negated else ""
        if node.query is not None:
            found = self._in_query(node, value, scope)
        elif node.array is not None:
            found = self._in_array(node, value, self.value(node.array, scope))
        else:
            found = self._in_list(node, value, [self.value(each, scope) for each in node.items])
        return Value(f"({negation}{found})", t.BOOL)

    def _in_list(self, node: s.In, value: Value, items: list[Value]) -> str:
        type_ = self.common([value, *items], node)
        left = self.coerce(value, type_, node)
        plain = not type_.is_struct and not type_.has_floats
        if plain:
            listed = ", ".join(self.coerce(each, type_, node).sql for each in items)
            return f"({left.sql} IN ({listed}))"
        return (
            "(" + " OR ".join(equal(self, node, left, self.coerce(each, type_, node)) for each in items) + ")"
        )

    def _in_array(self, node: s.In, value: Value, array: Value) -> str:
        if array.literal == "NULL":
            raise self.refused(node, "NULL where an ARRAY is expected")
        if array.literal == "[]":
            return "false"
        if not array.type.is_array:
            raise self.refused(node, f"{array.type} where an ARRAY is expected")
        element = array.type.of[0]
        type_ = self.common([value, Value("", element)], node)
        if value.type == t.FLOAT64 and element in {t.INT64, t.NUMERIC} and not array.literal:
            raise self.refused(node, f"{value.type} IN an array of {element}")
        left = self.coerce(value, type_, node)
        name = self.new_name()
        inner = self.coerce(Value(f"{name}.x", element), type_, node)
        found = _any(equal(self, node, left, inner))
        return f"(SELECT {found} FROM (SELECT unnest({array.sql}) AS x) AS {name})"

    def _in_query(self, node: s.In, value: Value, scope: Scope) -> str:
        assert node.query is not None  # noqa: S101 - the caller's
        relation = self.query(node.query, scope)
        if len(relation.types) != 1:
            raise self.refused(node, f"{len(relation.types)} columns where one is expected")
        name = self.new_name()
        column = Value(f"{name}.c0", relation.types[0])
        type_ = self.common([value, column], node)
        left, right = self.coerce(value, type_, node), self.coerce(column, type_, node)
        if not type_.is_struct and not type_.has_floats:
            return f"({left.sql} IN (SELECT {right.sql} FROM ({relation.sql}) AS {name}))"
        return f"(SELECT {_any(equal(self, node, left, right))} FROM ({relation.sql}) AS {name})"

    def _quantified(self, node: s.Quantified, scope: Scope) -> Value:
        if node.array is not None:
            raise self.refused(node, "no counterpart for LIKE ANY UNNEST", "List the patterns.")
        word = "OR" if node.quantifier == "ANY" else "AND"
        value = self.value(node.value, scope)
        parts = [
            binary(
                self,
                s.Binary(at=node.at, operator="LIKE", left=node.value, right=each),
                value,
                self.value(each, scope),
            ).sql
            for each in node.items
        ]
        if node.negated:
            parts = [f"(NOT {each})" for each in parts]
        return Value("(" + f" {word} ".join(parts) + ")", t.BOOL)

    def _case(self, node: s.Case, scope: Scope) -> Value:
        results = [self.value(then, scope) for _, then in node.whens]
        results.append(self.value(node.otherwise, scope) if node.otherwise is not None else NULL)
        type_ = self.common(results, node)
        coerced = [self.coerce(each, type_, node) for each in results]
        subject = self.value(node.value, scope) if node.value is not None else None
        conditions = []
        for condition, _ in node.whens:
            if subject is None:
                conditions.append(self.boolean(condition, scope))
            else:
                other = self.value(condition, scope)
                both = self.common([subject, other], node)
                conditions.append(
                    equal(self, node, self.coerce(subject, both, node), self.coerce(other, both, node))
                )
        branches = " ".join(f"WHEN {c} THEN {v.sql}" for c, v in zip(conditions, coerced, strict=False))
        return Value(f"(CASE {branches} ELSE {coerced[-1].sql} END)", type_)

    def _array(self, node: s.ArrayOf, scope: Scope) -> Value:
        if node.type is None and not node.items:
            return Value("CAST([] AS BIGINT[])", t.array_of(t.INT64), "[]", total=True)
        if node.type is not None:
            type_ = self.type_named(node.type)
        else:
            type_ = t.array_of(self._common_type(node.items, scope, node))
        if type_.of[0].is_array:
            raise self.refused(node, "an ARRAY of ARRAYs")
        return self._array_as(node, type_, scope)

    def _array_as(self, node: s.ArrayOf, type_: Type, scope: Scope) -> Value:
        values = [self.value_as(each, type_.of[0], scope) for each in node.items]
        listed = ", ".join(each.sql for each in values)
        return Value(f"CAST([{listed}] AS {t.in_duckdb(type_)})", type_, total=all(v.total for v in values))

    def _struct(self, node: s.StructOf, scope: Scope) -> Value:
        if node.type:
            return self._struct_as(node, self.type_named(node.type), scope)
        values = [self.value(item.value, scope) for item in node.items]
        type_ = t.struct_of(self._field_names(node), [each.type for each in values])
        return self.struct(type_, values, node)

    def _struct_as(self, node: s.StructOf, wanted: Type, scope: Scope) -> Value:
        if len(wanted.of) != len(node.items):
            raise self.refused(node, f"{len(node.items)} values for {wanted}")
        pairs = zip(node.items, wanted.of, strict=True)
        return self.struct(wanted, [self.value_as(item.value, each, scope) for item, each in pairs], node)

    def _common_type(self, nodes: Sequence[s.Expr], scope: Scope, at: s.Node) -> Type:
        """The type that expressions become together; those of one place in STRUCTs side by side."""
        structs = [each for each in nodes if isinstance(each, s.StructOf) and each.type is None]
        if len(structs) < len(nodes) or len({len(each.items) for each in structs}) != 1:
            return self.common([self.value(each, scope) for each in nodes], at)
        columns = zip(*(each.items for each in structs), strict=True)
        types = [self._common_type([item.value for item in column], scope, at) for column in columns]
        return t.struct_of(self._field_names(structs[0]), types)

    def value_as(self, node: s.Expr, wanted: Type, scope: Scope) -> Value:
        """An expression as a type; what stands in a STRUCT or an ARRAY is taken for its part of the type."""
        if isinstance(node, s.StructOf) and wanted.is_struct and node.type is None:
            return self._struct_as(node, wanted, scope)
        if isinstance(node, s.ArrayOf) and wanted.is_array and node.type is None and node.items:
            return self._array_as(node, wanted, scope)
        return self.coerce(self.value(node, scope), wanted, node)

    @staticmethod
    def _field_names(node: s.StructOf) -> list[str]:
        from components.shared.sources.googlesql.query import own_name

        return [item.alias or own_name(item.value) for item in node.items]

    def struct(self, type_: Type, values: Sequence[Value], node: s.Node) -> Value:
        """A STRUCT of values that have its fields' types."""
        lowered = [each.lower() for each in type_.fields]
        if not values or len(set(lowered)) < len(lowered):
            raise self.refused(
                node, "a STRUCT without fields" if not values else "a STRUCT with two fields of one name"
            )
        fields = zip(type_.fields, values, type_.of, strict=True)
        packed = ", ".join(
            f"{t.identifier(name)} := CAST({v.sql} AS {t.in_duckdb(of)})" for name, v, of in fields
        )
        return Value(f"struct_pack({packed})", type_, total=all(v.total for v in values))

    def _element(self, node: s.Element, scope: Scope) -> Value:
        value, index = self.value(node.value, scope), self.value(node.index, scope)
        if value.type == t.JSON:
            raise self.refused(
                node, "no counterpart for brackets behind JSON", "Write JSON_VALUE or JSON_QUERY."
            )
        if not value.type.is_array:
            raise self.refused(node, f"brackets behind {value.type}")
        return element(self, node, value, self.coerce(index, t.INT64, node))

    def _member(self, node: s.Member, scope: Scope) -> Value:
        return field_of(self, node, self.value(node.value, scope), node.name)

    def _subquery(self, node: s.Subquery, scope: Scope) -> Value:
        relation = self.query(node.query, scope)
        if node.kind == "EXISTS":
            return Value(f"EXISTS ({relation.sql})", t.BOOL)
        if len(relation.types) != 1:
            raise self.refused(node, f"{len(relation.types)} columns where one is expected")
        name = self.new_name()
        if node.kind == "scalar":
            return Value(f"(SELECT {name}.c0 FROM ({relation.sql}) AS {name})", relation.types[0])
        order = ", ".join(each.sql for each in relation.order)
        element = relation.types[0]
        if (
            not order
            and isinstance(node.query.body, s.Select)
            and node.query.body.distinct
            and not element.of
        ):
            order = f"{name}.c0 ASC NULLS FIRST"  # the same each time
        if element.is_array:
            raise self.refused(node, "an ARRAY of ARRAYs")
        listed = f"list({name}.c0{' ORDER BY ' + order if order else ''})"
        type_ = t.array_of(element)
        empty = f"CAST([] AS {t.in_duckdb(type_)})"
        return Value(f"(SELECT coalesce({listed}, {empty}) FROM ({relation.sql}) AS {name})", type_)

    def _cast(self, node: s.Cast, scope: Scope) -> Value:
        from components.shared.sources.googlesql.casts import explicit_cast

        return explicit_cast(self, node, self.value(node.value, scope), scope)

    def _extract(self, node: s.Extract, scope: Scope) -> Value:
        from components.shared.sources.googlesql.functions.times import extract

        zone = self.value(node.zone, scope) if node.zone is not None else None
        return extract(self, node, self.value(node.value, scope), zone)

    def _interval(self, node: s.Interval, scope: Scope) -> Value:
        from components.shared.sources.googlesql.functions.times import interval

        return interval(self, node, self.value(node.value, scope))

    def _call(self, node: s.Call, scope: Scope) -> Value:
        from components.shared.sources.googlesql.calls import called

        return called(self, node, scope)

    def type_named(self, node: s.TypeName) -> Type:
        """A type as the text names it.

        Raises:
            QueryError: There is none of that name, or DuckDB does not keep it.
        """
        if node.name == "ARRAY":
            return t.array_of(self.type_named(node.of[0]))
        if node.name == "STRUCT":
            return t.struct_of(node.names, [self.type_named(each) for each in node.of])
        name = t.OTHER_NAMES.get(node.name, node.name)
        found = t.SIMPLE.get(name)
        if found is None or not t.known_in_duckdb(found):
            raise self.refused(node, f"no counterpart for the type {node.name}")
        return found


_HANDLERS = {
    s.Constant: "_constant",
    s.Parameter: "_parameter",
    s.Name: "_name",
    s.Part: "_part",
    s.Star: "_star",
    s.Unary: "_unary",
    s.Binary: "_binary",
    s.Is: "_is",
    s.Between: "_between",
    s.In: "_in",
    s.Quantified: "_quantified",
    s.Case: "_case",
    s.ArrayOf: "_array",
    s.StructOf: "_struct",
    s.Element: "_element",
    s.Member: "_member",
    s.Subquery: "_subquery",
    s.Cast: "_cast",
    s.Extract: "_extract",
    s.Interval: "_interval",
    s.Call: "_call",
}
"""The method that translates each kind of node."""


def _any(condition: str) -> str:
    """Whether a condition holds for any row: NULL where it holds for none and is NULL for some."""
    unknown = f"WHEN NOT bool_and({condition} IS NOT NULL) THEN NULL"
    return f"CASE WHEN coalesce(bool_or({condition}), false) THEN true {unknown} ELSE false END"
