"""Queries of GoogleSQL: SELECT, FROM, set operations, WITH, and pipes."""

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.parse_expressions import ExpressionParser
from configs.errors import QueryError

_CLAUSES = (
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "QUALIFY",
    "WINDOW",
    "ORDER",
    "LIMIT",
    "UNION",
    "INTERSECT",
    "EXCEPT",
    ")",
    "|>",
    ";",
)
_PIPES = frozenset(
    (
        "WHERE",
        "SELECT",
        "EXTEND",
        "WINDOW",
        "SET",
        "DROP",
        "RENAME",
        "AS",
        "DISTINCT",
        "ORDER",
        "LIMIT",
        "AGGREGATE",
    )
)
_SET_OPERATIONS = ("UNION", "INTERSECT", "EXCEPT")
_JOINS = ("INNER", "LEFT", "RIGHT", "FULL", "CROSS", "JOIN", ",")


class QueryParser(ExpressionParser):
    """Reads whole queries."""

    def statement(self) -> s.Query:
        """The one query of the text, a `;` behind it or not.

        Raises:
            QueryError: It is none, or more follows.
        """
        if not self._sees_query():
            nothing = self.token.kind == "end"
            raise _not_one("nothing" if nothing else self.token.word or self.token.text)
        query = self.query()
        while self.accept(";"):
            pass
        if self.token.kind != "end":
            raise self.failure("expected the end of the query, got")
        return query

    def query(self) -> s.Query:
        """WITH … body ORDER BY … LIMIT … |> …."""
        at = self.token.start
        ctes, recursive = (), False
        if self.accept("WITH"):
            recursive = self.accept("RECURSIVE")
            ctes = self.listed(self._cte)
        body: s.Select | s.SetOperation | s.From | s.Query = self._body()
        order = self.order_by()
        limit, offset = self._limit()
        pipes = []
        while self.sees("|>"):
            pipes.append(self._pipe())
        return s.Query(
            at=at,
            body=body,
            ctes=ctes,
            recursive=recursive,
            order=order,
            limit=limit,
            offset=offset,
            pipes=tuple(pipes),
        )

    def _cte(self) -> tuple[str, s.Query]:
        name = self.identifier("a name for WITH")
        self.expect("AS")
        self.expect("(")
        query = self.query()
        self.expect(")")
        return name, query

    def _limit(self) -> tuple[s.Expr | None, s.Expr | None]:
        if not self.accept("LIMIT"):
            return None, None
        limit = self.expression()
        return limit, self.expression() if self.accept("OFFSET") else None

    def _body(self) -> s.Select | s.SetOperation | s.From | s.Query:
        left = self._operand()
        first = ""
        while self.token.word in _SET_OPERATIONS:
            token = self.token
            operator = self._set_operator()
            if first and operator != first:
                raise self.failure("different set operations without parentheses:", token)
            first = operator
            right = self._operand()
            left = s.SetOperation(
                at=token.start, operator=operator, left=_as_query(left), right=_as_query(right)
            )
        return left

    def _set_operator(self) -> str:
        word = self.take().word
        quantifier = self.accept_one("ALL", "DISTINCT")
        if not quantifier or (word != "UNION" and quantifier == "ALL"):
            raise self.failure(f"expected {'ALL or ' if word == 'UNION' else ''}DISTINCT behind {word}, got")
        if self.token.word in {"BY", "STRICT", "CORRESPONDING"}:
            raise self.failure("no counterpart for")
        return f"{word} {quantifier}"

    def _operand(self) -> s.Select | s.SetOperation | s.From | s.Query:
        if self.accept("("):
            query = self.query()
            self.expect(")")
            return query
        if self.sees("SELECT"):
            return self._select()
        at = self.expect("FROM").start
        return s.From(at=at, source=self._sources())

    def _select(self) -> s.Select:
        at = self.expect("SELECT").start
        if self.sees("WITH") or self.sees("@{"):
            raise self.failure("no counterpart for")
        distinct = self.accept("DISTINCT")
        if not distinct:
            self.accept("ALL")
        as_kind = ""
        if self.accept("AS"):
            as_kind = self.accept_one("STRUCT", "VALUE")
            if not as_kind:
                raise self.failure("expected STRUCT or VALUE behind SELECT AS, got")
        items = self.listed(self._item, _CLAUSES)
        source = self._sources() if self.accept("FROM") else None
        where = self.expression() if self.accept("WHERE") else None
        group = self._group_by() if self.accept("GROUP", "BY") else None
        having = self.expression() if self.accept("HAVING") else None
        qualify = self.expression() if self.accept("QUALIFY") else None
        windows = self.listed(self._named_window) if self.accept("WINDOW") else ()
        return s.Select(
            at=at,
            items=items,
            distinct=distinct,
            as_kind=as_kind,  # type: ignore[arg-type] # one of the two
            source=source,
            where=where,
            group=group,
            having=having,
            qualify=qualify,
            windows=windows,
        )

    def _named_window(self) -> tuple[str, s.Window]:
        name = self.identifier("a window's name")
        self.expect("AS")
        if self.sees("("):
            return name, self.window()
        return name, s.Window(at=self.token.start, name=self.identifier())

    def _item(self) -> s.Item:
        at = self.token.start
        if self.sees("*"):
            self.take()
            return s.Item(at=at, value=self._star(at, None))
        value = self.expression()
        if self.sees(".", "*"):
            self.index += 2
            return s.Item(at=at, value=self._star(at, value))
        return s.Item(at=at, value=value, alias=self.alias())

    def _star(self, at: int, of: s.Expr | None) -> s.Star:
        without: tuple[str, ...] = ()
        replaced: tuple[s.Item, ...] = ()
        if self.sees("EXCEPT", "("):
            self.index += 2
            without = self.listed(self.identifier)
            self.expect(")")
        if self.sees("REPLACE", "("):
            self.index += 2
            replaced = self.listed(self._replacement)
            self.expect(")")
        return s.Star(at=at, of=of, without=without, replaced=replaced)

    def _replacement(self) -> s.Item:
        at, value = self.token.start, self.expression()
        self.expect("AS")
        return s.Item(at=at, value=value, alias=self.identifier())

    def _group_by(self) -> s.GroupBy:
        at = self.token.start
        if self.accept("ALL"):
            return s.GroupBy(at=at, keys=(), everything=True)
        for kind in ("ROLLUP", "CUBE"):
            if self.accept(kind, "("):
                keys = self.listed(self.expression)
                self.expect(")")
                return s.GroupBy(at=at, keys=keys, kind=kind)
        if self.accept("GROUPING", "SETS", "("):
            sets = self.listed(self._grouping_set)
            self.expect(")")
            return s.GroupBy(at=at, keys=(), kind="GROUPING SETS", sets=sets)
        return s.GroupBy(at=at, keys=self.listed(self.expression))

    def _grouping_set(self) -> tuple[s.Expr, ...]:
        if self.accept("(", ")"):
            return ()
        value = self.expression()
        if isinstance(value, s.StructOf):
            return tuple(item.value for item in value.items)
        return (value,)

    # --- FROM ---

    def _sources(self) -> s.Source:
        left = self._source()
        while self.token.word in _JOINS:
            left = self._join(left)
        return left

    def _join(self, left: s.Source) -> s.Join:
        at = self.token.start
        kind = self.accept_one("INNER", "LEFT", "RIGHT", "FULL", "CROSS", ",") or "INNER"
        if kind == ",":
            return s.Join(at=at, kind="COMMA", left=left, right=self._source())
        if kind in {"LEFT", "RIGHT", "FULL"}:
            self.accept("OUTER")
        self.expect("JOIN")
        right = self._source()
        on, using = None, ()
        if self.accept("ON"):
            on = self.expression()
        elif self.accept("USING"):
            self.expect("(")
            using = self.listed(self.identifier)
            self.expect(")")
        return s.Join(at=at, kind=kind, left=left, right=right, on=on, using=using)

    def _source(self) -> s.Source:
        source = self._plain_source()
        while self.token.word in {"PIVOT", "UNPIVOT"} and self.ahead().word in {"(", "INCLUDE", "EXCLUDE"}:
            source = self._pivot(source) if self.sees("PIVOT") else self._unpivot(source)
        if self.sees("TABLESAMPLE") or self.sees("MATCH_RECOGNIZE"):
            raise self.failure("no counterpart for")
        return source

    def _plain_source(self) -> s.Source:
        at = self.token.start
        if self.sees("("):
            if self._sees_query():
                mark, tokens = self.index, list(self.tokens)
                self.take()
                query = self.query()
                if self.accept(")"):
                    return s.Derived(at=at, query=query, alias=self._table_alias())
                self.index, self.tokens = mark, tokens
            self.expect("(")
            source = self._sources()
            self.expect(")")
            return source
        if self.accept("UNNEST"):
            self.expect("(")
            array = self.expression()
            self.expect(")")
            alias = self._table_alias()
            return s.Unnest(at=at, array=array, alias=alias, offset=self._with_offset())
        return self._table()

    def _with_offset(self) -> str | None:
        if not self.accept("WITH", "OFFSET"):
            return None
        return self.alias() or "offset"

    def _table_alias(self) -> str:
        if self.token.word in {"PIVOT", "UNPIVOT"} and self.ahead().word in {"(", "INCLUDE", "EXCLUDE"}:
            return ""
        return self.alias()

    def _table(self) -> s.Source:
        first = self.token
        if first.kind == "quoted":
            parts, single = str(self.take().value).split("."), True
        else:
            parts, single = [self._dashed()], False
        while self.sees("."):
            self.take()
            token = self.take()
            if token.kind not in {"name", "quoted"}:
                raise self.failure("expected a name, got", token)
            parts.append(str(token.value) if token.kind == "quoted" else token.text)
            single = False
        end = self.tokens[self.index - 1].end
        if self.sees("("):
            raise self.failure("a function that gives a table has no counterpart: before")
        alias = self._table_alias()
        if self.sees("FOR", "SYSTEM_TIME"):
            raise self.failure("no counterpart for reading a table as it was: FOR SYSTEM_TIME, at")
        table = s.Table(at=first.start, path=tuple(parts), end=end, alias=alias, single=single)
        offset = self._with_offset()
        if offset is None:
            return table
        return s.Unnest(
            at=first.start,
            array=s.Name(at=first.start, parts=table.path),
            alias=alias or parts[-1],
            offset=offset,
        )

    def _dashed(self) -> str:
        """A project's name: the only one that may have dashes without backticks."""
        if not self.sees_identifier():
            raise self.failure("expected a table, got")
        token = self.take()
        end = token.end
        while self.sees("-") and self.token.start == end and self.ahead().start == self.token.end:
            self.take()
            end = self.take().end
        return self.text[token.start : end]

    def _pivot(self, source: s.Source) -> s.Pivot:
        at = self.expect("PIVOT").start
        self.expect("(")
        aggregates = self.listed(self._item)
        self.expect("FOR")
        value = self._binary(0)
        self.expect("IN")
        self.expect("(")
        among = self.listed(self._item)
        self.expect(")")
        self.expect(")")
        return s.Pivot(
            at=at, source=source, aggregates=aggregates, value=value, among=among, alias=self._table_alias()
        )

    def _unpivot(self, source: s.Source) -> s.Unpivot:
        at = self.expect("UNPIVOT").start
        kind = self.accept_one("INCLUDE", "EXCLUDE")
        if kind:
            self.expect("NULLS")
        self.expect("(")
        values = self._columns()
        self.expect("FOR")
        name = self.identifier()
        self.expect("IN")
        self.expect("(")
        among = self.listed(self._unpivoted)
        self.expect(")")
        self.expect(")")
        return s.Unpivot(
            at=at,
            source=source,
            values=values,
            name=name,
            among=among,
            include_nulls=kind == "INCLUDE",
            alias=self._table_alias(),
        )

    def _columns(self) -> tuple[str, ...]:
        if not self.accept("("):
            return (self.identifier(),)
        names = self.listed(self.identifier)
        self.expect(")")
        return names

    def _unpivoted(self) -> tuple[tuple[str, ...], s.Expr | None]:
        columns = self._columns()
        label = self.expression() if self.accept("AS") or self.token.kind in {"string", "integer"} else None
        return columns, label

    # --- pipes ---

    def _pipe(self) -> s.Pipe:
        at = self.expect("|>").start
        word = self.token.word
        if word in _SET_OPERATIONS:
            operator = self._set_operator()
            queries = self.listed(self._pipe_operand)
            return s.Pipe(at=at, operator=operator, queries=queries)
        if word in _JOINS and word != ",":
            empty = s.Derived(at=at, query=_NOTHING)
            return s.Pipe(at=at, operator="JOIN", source=self._join(empty))
        if word in {"PIVOT", "UNPIVOT"}:
            empty = s.Derived(at=at, query=_NOTHING)
            return s.Pipe(
                at=at, operator=word, source=self._pivot(empty) if word == "PIVOT" else self._unpivot(empty)
            )
        reader = getattr(self, f"_pipe_{word.lower()}", None) if word in _PIPES else None
        if reader is None:
            raise self.failure("no counterpart for the pipe")
        self.take()
        return reader(at)  # type: ignore[no-any-return]

    def _pipe_where(self, at: int) -> s.Pipe:
        return s.Pipe(at=at, operator="WHERE", where=self.expression())

    def _pipe_select(self, at: int) -> s.Pipe:
        distinct = self.accept("DISTINCT")
        return s.Pipe(at=at, operator="SELECT", distinct=distinct, items=self._pipe_items())

    def _pipe_extend(self, at: int) -> s.Pipe:
        return s.Pipe(at=at, operator="EXTEND", items=self._pipe_items())

    _pipe_window = _pipe_extend

    def _pipe_set(self, at: int) -> s.Pipe:
        return s.Pipe(at=at, operator="SET", items=self.listed(self._assignment))

    def _pipe_drop(self, at: int) -> s.Pipe:
        names = tuple((name, "") for name in self.listed(self.identifier))
        return s.Pipe(at=at, operator="DROP", names=names)

    def _pipe_rename(self, at: int) -> s.Pipe:
        return s.Pipe(at=at, operator="RENAME", names=self.listed(self._renaming))

    def _pipe_as(self, at: int) -> s.Pipe:
        return s.Pipe(at=at, operator="AS", names=((self.identifier(), ""),))

    def _pipe_distinct(self, at: int) -> s.Pipe:
        return s.Pipe(at=at, operator="DISTINCT")

    def _pipe_order(self, at: int) -> s.Pipe:
        self.expect("BY")
        return s.Pipe(at=at, operator="ORDER", order=self.listed(self._key))

    def _pipe_limit(self, at: int) -> s.Pipe:
        limit = self.expression()
        offset = self.expression() if self.accept("OFFSET") else None
        return s.Pipe(at=at, operator="LIMIT", limit=limit, offset=offset)

    def _pipe_items(self) -> tuple[s.Item, ...]:
        return self.listed(self._item, _CLAUSES)

    def _pipe_operand(self) -> s.Query:
        self.expect("(")
        query = self.query()
        self.expect(")")
        return query

    def _assignment(self) -> s.Item:
        at, name = self.token.start, self.identifier()
        self.expect("=")
        return s.Item(at=at, value=self.expression(), alias=name)

    def _renaming(self) -> tuple[str, str]:
        name = self.identifier()
        self.expect("AS")
        return name, self.identifier()

    def _pipe_aggregate(self, at: int) -> s.Pipe:
        stops = (*_CLAUSES, "GROUP")
        items = () if self.token.word in stops or self.token.kind == "end" else self.listed(self._item, stops)
        ordered = False
        keys: tuple[s.Item, ...] = ()
        if self.accept("GROUP"):
            ordered = self.accept("AND", "ORDER")
            self.expect("BY")
            keys = self.listed(self._item, _CLAUSES)
        if self.token.word in {"ASC", "DESC"}:
            raise self.failure("no counterpart for the order of a group:")
        group = s.GroupBy(at=at, keys=tuple(item.value for item in keys))
        return s.Pipe(
            at=at,
            operator="AGGREGATE",
            items=items,
            group=group,
            ordered=ordered,
            names=tuple((item.alias, "") for item in keys),
        )


def _not_one(got: str) -> QueryError:
    return QueryError("the query", expected="one SELECT (WITH … is fine)", got=got)


def _as_query(body: s.Select | s.SetOperation | s.From | s.Query) -> s.Query:
    return body if isinstance(body, s.Query) else s.Query(at=body.at, body=body)


_NOTHING = s.Query(at=0, body=s.Select(at=0, items=()))
"""Where the rows before a pipe go."""
