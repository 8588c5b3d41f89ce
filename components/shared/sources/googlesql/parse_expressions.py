"""Expressions of GoogleSQL, by the precedence of its operators."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.cursor import Cursor

_LEVELS: tuple[tuple[str, ...], ...] = (("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "||"))
"""Binary operators that associate to the left, the loosest first."""
_COMPARISONS = ("=", "<", ">", "<=", ">=", "!=", "<>")
_TYPED = frozenset(
    ("DATE", "DATETIME", "TIME", "TIMESTAMP", "NUMERIC", "DECIMAL", "BIGNUMERIC", "BIGDECIMAL", "JSON")
)
_PATHLESS = frozenset(("CURRENT_DATE", "CURRENT_DATETIME", "CURRENT_TIME", "CURRENT_TIMESTAMP"))
"""Functions that may stand without parentheses."""
_RESERVED_FUNCTIONS = frozenset(("IF", "LEFT", "RIGHT", "GROUPING", "COLLATE"))
_PARTS = """
    MICROSECOND MILLISECOND NANOSECOND SECOND MINUTE HOUR DAY DAYOFWEEK DAYOFYEAR WEEK ISOWEEK MONTH QUARTER
    YEAR ISOYEAR DATE TIME DATETIME
"""
PARTS = frozenset(_PARTS.split())
WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
_FIELDS_KEYWORDS = ("OFFSET", "ORDINAL", "SAFE_OFFSET", "SAFE_ORDINAL")


class ExpressionParser(Cursor, ABC):
    """Reads expressions; queries within them are read by the class that extends this one."""

    @abstractmethod
    def query(self) -> s.Query:
        """A query, in the class that reads them."""

    def order_by(self) -> tuple[s.Key, ...]:
        """ORDER BY and its keys, or nothing."""
        return self.listed(self._key) if self.accept("ORDER", "BY") else ()

    def listed(self, one: Callable[[], Any], trailing: tuple[str, ...] = ()) -> tuple[Any, ...]:
        """What stands between commas; a comma may be last before one of the words in `trailing`."""
        found = [one()]
        while self.accept(","):
            if self.token.word in trailing or (trailing and self.token.kind == "end"):
                break
            found.append(one())
        return tuple(found)

    def expression(self) -> s.Expr:
        """An expression: the operands of OR."""
        left = self._and()
        while self.sees("OR"):
            at = self.take().start
            left = s.Binary(at=at, operator="OR", left=left, right=self._and())
        return left

    def _and(self) -> s.Expr:
        left = self._not()
        while self.sees("AND"):
            at = self.take().start
            left = s.Binary(at=at, operator="AND", left=left, right=self._not())
        return left

    def _not(self) -> s.Expr:
        if self.sees("NOT"):
            at = self.take().start
            return s.Unary(at=at, operator="NOT", value=self._not())
        return self._comparison()

    def _comparison(self) -> s.Expr:
        left = self._binary(0)
        compared = self._compared(left)
        if compared is not None and (
            self.token.word in (*_COMPARISONS, "LIKE", "IN", "BETWEEN", "IS")
            or (self.sees("NOT") and self.ahead().word in {"LIKE", "IN", "BETWEEN"})
        ):
            raise self.failure("a comparison of a comparison without parentheses:")
        return left if compared is None else compared

    def _compared(self, left: s.Expr) -> s.Expr | None:
        at = self.token.start
        if operator := self.accept_one(*_COMPARISONS):
            return s.Binary(
                at=at, operator="!=" if operator == "<>" else operator, left=left, right=self._binary(0)
            )
        if self.accept("IS"):
            return self._is(left, at)
        negated = self.sees("NOT") and self.ahead().word in {"LIKE", "IN", "BETWEEN"} and self.accept("NOT")
        if self.accept("BETWEEN"):
            low = self._binary(0)
            self.expect("AND")
            return s.Between(at=at, value=left, low=low, high=self._binary(0), negated=negated)
        if self.accept("IN"):
            return self._in(left, at, negated=negated)
        if self.accept("LIKE"):
            if quantifier := self.accept_one("ANY", "SOME", "ALL"):
                array, items = self._array_or_list()
                return s.Quantified(
                    at=at,
                    value=left,
                    quantifier="ALL" if quantifier == "ALL" else "ANY",
                    items=items,
                    negated=negated,
                    array=array,
                )
            like = s.Binary(at=at, operator="LIKE", left=left, right=self._binary(0))
            return s.Unary(at=at, operator="NOT", value=like) if negated else like
        return None

    def _is(self, left: s.Expr, at: int) -> s.Expr:
        negated = self.accept("NOT")
        if self.accept("DISTINCT"):
            self.expect("FROM")
            return s.Is(at=at, value=left, what="DISTINCT", negated=negated, other=self._binary(0))
        what = self.accept_one("NULL", "TRUE", "FALSE", "UNKNOWN")
        if not what:
            raise self.failure("expected NULL, TRUE, FALSE or DISTINCT FROM behind IS, got")
        return s.Is(at=at, value=left, what="NULL" if what == "UNKNOWN" else what, negated=negated)

    def _in(self, left: s.Expr, at: int, *, negated: bool) -> s.Expr:
        if self.sees("(") and self._sees_query(1):
            self.take()
            query = self.query()
            self.expect(")")
            return s.In(at=at, value=left, items=(), negated=negated, query=query)
        array, items = self._array_or_list()
        return s.In(at=at, value=left, items=items, negated=negated, array=array)

    def _array_or_list(self) -> tuple[s.Expr | None, tuple[s.Expr, ...]]:
        if self.accept("UNNEST"):
            self.expect("(")
            array = self.expression()
            self.expect(")")
            return array, ()
        self.expect("(")
        items = self.listed(self.expression)
        self.expect(")")
        return None, items

    def _sees_query(self, ahead: int = 0) -> bool:
        """Whether a query is next, parentheses before it or not."""
        while self.ahead(ahead).word == "(":
            ahead += 1
        return self.ahead(ahead).word in {"SELECT", "WITH", "FROM"}

    def _binary(self, level: int) -> s.Expr:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self.token.word in _LEVELS[level]:
            token = self.take()
            left = s.Binary(at=token.start, operator=token.word, left=left, right=self._binary(level + 1))
        return left

    def _unary(self) -> s.Expr:
        token = self.token
        if token.word in {"-", "+", "~"}:
            self.take()
            return s.Unary(at=token.start, operator=token.word, value=self._unary())
        return self._postfix(self._primary())

    def _postfix(self, value: s.Expr) -> s.Expr:
        while True:
            at = self.token.start
            if self.sees("[") and not isinstance(value, s.Interval):
                self.take()
                how = ""
                if self.token.word in _FIELDS_KEYWORDS and self.ahead().word == "(":
                    how = self.take().word
                    self.take()
                    index = self.expression()
                    self.expect(")")
                else:
                    index = self.expression()
                self.expect("]")
                value = s.Element(at=at, value=value, how=how, index=index)  # type: ignore[arg-type] # from a list of words
            elif self.sees(".") and self.ahead().word != "*":
                self.take()
                name = str(self.token.value) if self.token.kind == "quoted" else self.token.text
                if self.token.kind not in {"name", "quoted"}:
                    raise self.failure("expected a field's name, got")
                self.take()
                value = s.Member(at=at, value=value, name=name)
            else:
                return value

    def _primary(self) -> s.Expr:  # noqa: C901 - one branch for each way an expression may begin
        token = self.token
        at = token.start
        if token.kind in {"integer", "float", "string", "bytes"}:
            self.take()
            kind = {"integer": "INT64", "float": "FLOAT64", "string": "STRING", "bytes": "BYTES"}[token.kind]
            return s.Constant(at=at, type=kind, value=token.value)
        if token.kind == "parameter":
            self.take()
            return s.Parameter(at=at, name=str(token.value))
        if token.word == "(":
            return self._parenthesized()
        if token.word == "[":
            return s.ArrayOf(at=at, items=self._brackets())
        if token.word in {"TRUE", "FALSE", "NULL"}:
            self.take()
            values = {"TRUE": ("BOOL", True), "FALSE": ("BOOL", False), "NULL": ("NULL", None)}
            return s.Constant(at=at, type=values[token.word][0], value=values[token.word][1])
        following = self.ahead()
        if token.word in _TYPED and following.kind == "string":
            self.take()
            return s.Constant(at=at, type=token.word, value=self.take().value)
        keyword = getattr(self, f"_{token.word.lower()}_", None) if token.kind == "name" else None
        if keyword and (following.word in {"(", "<", "["} or token.word in {"CASE", "INTERVAL"}):
            return keyword()  # type: ignore[no-any-return]
        if (
            token.kind == "name"
            and following.word == "("
            and (self.sees_identifier() or token.word in _RESERVED_FUNCTIONS)
        ):
            return self.call()
        if token.word in _PATHLESS:
            self.take()
            return s.Call(at=at, name=token.word, arguments=())
        if not self.sees_identifier():
            raise self.failure("expected an expression, got")
        return self._path()

    def _path(self) -> s.Expr:
        at = self.token.start
        parts = [self.identifier()]
        while self.sees(".") and self.ahead().kind in {"name", "quoted"}:
            self.take()
            token = self.take()
            if self.sees("(") and token.kind == "name":
                return self._called(at, [*parts, token.text])
            parts.append(str(token.value) if token.kind == "quoted" else token.text)
        return s.Name(at=at, parts=tuple(parts))

    def call(self) -> s.Expr:
        """A function's call."""
        token = self.take()
        return self._called(token.start, [token.text])

    def _called(self, at: int, path: list[str]) -> s.Expr:
        safe = len(path) > 1 and path[0].upper() == "SAFE"
        name = ".".join(path[safe:]).upper()
        self.expect("(")
        distinct = self.accept("DISTINCT")
        arguments: list[s.Expr] = []
        named: list[tuple[str, s.Expr]] = []
        if not self.sees(")"):
            self._argument(arguments, named)
            while self.accept(","):
                self._argument(arguments, named)
        nulls = self._nulls()
        having = self._having()
        order = self.order_by()
        limit = self.expression() if self.accept("LIMIT") else None
        self.expect(")")
        nulls = nulls or self._nulls()
        over = self._over() if self.accept("OVER") else None
        return s.Call(
            at=at,
            name=name,
            arguments=tuple(arguments),
            named=tuple(named),
            safe=safe,
            distinct=distinct,
            nulls=nulls,
            having=having,
            order=order,
            limit=limit,
            over=over,
        )

    def _nulls(self) -> Any:
        for word in ("IGNORE", "RESPECT"):
            if self.accept(word, "NULLS"):
                return word
        return ""

    def _having(self) -> tuple[str, s.Expr] | None:
        if not self.accept("HAVING"):
            return None
        which = self.accept_one("MAX", "MIN")
        if not which:
            raise self.failure("expected MAX or MIN behind HAVING, got")
        return which, self.expression()

    def _argument(self, arguments: list[s.Expr], named: list[tuple[str, s.Expr]]) -> None:
        if self.sees_identifier() and self.ahead().word == "=>":
            name = self.identifier()
            self.take()
            named.append((name.lower(), self.expression()))
        elif self.sees("*"):
            arguments.append(s.Star(at=self.take().start))
        elif self.sees("INTERVAL"):
            arguments.append(self._interval_())
        elif self._sees_query():
            raise self.failure("a query as an argument needs parentheses of its own:")
        else:
            arguments.append(self._part() or self.expression())

    def _part(self) -> s.Part | None:
        """WEEK(MONDAY): the only part of a date that is no plain name."""
        if self.token.word == "WEEK" and self.ahead().word == "(" and self.ahead(2).word in WEEKDAYS:
            return self.part()
        return None

    def part(self) -> s.Part:
        """A part of a date."""
        token = self.take()
        if token.word not in PARTS:
            raise self.failure("expected a part of a date, got", token)
        weekday = ""
        if token.word == "WEEK" and self.accept("("):
            weekday = self.accept_one(*WEEKDAYS)
            if not weekday:
                raise self.failure("expected a day of the week, got")
            self.expect(")")
        return s.Part(at=token.start, name=token.word, weekday=weekday)

    def _over(self) -> s.Window:
        if not self.sees("("):
            at = self.token.start
            return s.Window(at=at, name=self.identifier("a window's name"))
        return self.window()

    def window(self) -> s.Window:
        """( [name] [PARTITION BY …] [ORDER BY …] [ROWS | RANGE …] )."""
        at = self.expect("(").start
        name = ""
        if self.sees_identifier() and self.token.word not in {"PARTITION", "ROWS", "RANGE", "ORDER"}:
            name = self.identifier()
        partition = self.listed(self.expression) if self.accept("PARTITION", "BY") else ()
        order = self.order_by()
        frame = self._frame() if self.token.word in {"ROWS", "RANGE"} else None
        self.expect(")")
        return s.Window(at=at, name=name, partition=partition, order=order, frame=frame)

    def _frame(self) -> s.Frame:
        token = self.take()
        if self.accept("BETWEEN"):
            start = self._bound()
            self.expect("AND")
            end = self._bound()
        else:
            start, end = self._bound(), s.Bound(at=token.start, kind="CURRENT ROW")
        return s.Frame(at=token.start, unit=token.word, start=start, end=end)  # type: ignore[arg-type] # ROWS or RANGE

    def _bound(self) -> s.Bound:
        at = self.token.start
        if self.accept("CURRENT", "ROW"):
            return s.Bound(at=at, kind="CURRENT ROW")
        distance = None if self.accept("UNBOUNDED") else self.expression()
        kind = self.accept_one("PRECEDING", "FOLLOWING")
        if not kind:
            raise self.failure("expected PRECEDING or FOLLOWING, got")
        return s.Bound(at=at, kind=kind, distance=distance)  # type: ignore[arg-type] # one of the two

    def _key(self) -> s.Key:
        at = self.token.start
        value = self.expression()
        if self.sees("COLLATE"):
            raise self.failure("no counterpart for")
        descending = self.accept_one("ASC", "DESC") == "DESC"
        nulls = ""
        if self.accept("NULLS"):
            nulls = self.accept_one("FIRST", "LAST")
            if not nulls:
                raise self.failure("expected FIRST or LAST, got")
        return s.Key(at=at, value=value, descending=descending, nulls=nulls)  # type: ignore[arg-type] # one of the two

    def _parenthesized(self) -> s.Expr:
        at = self.token.start
        if self._sees_query(1):
            mark, popped = self.index, list(self.tokens)
            self.take()
            query = self.query()
            if self.accept(")"):
                return s.Subquery(at=at, kind="scalar", query=query)
            self.index, self.tokens = mark, popped  # ((SELECT 1) + 1)
        self.expect("(")
        first = self.expression()
        if self.sees(","):
            items = [first]
            while self.accept(","):
                items.append(self.expression())
            self.expect(")")
            return s.StructOf(at=at, items=tuple(s.Item(at=each.at, value=each) for each in items))
        self.expect(")")
        return first

    def _brackets(self) -> tuple[s.Expr, ...]:
        self.expect("[")
        items = () if self.sees("]") else self.listed(self.expression)
        self.expect("]")
        return items

    # --- what begins with a keyword; looked up by its name ---

    def _case_(self) -> s.Expr:
        at = self.expect("CASE").start
        value = None if self.sees("WHEN") else self.expression()
        whens = []
        while self.accept("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            whens.append((condition, self.expression()))
        if not whens:
            raise self.failure("expected WHEN, got")
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END")
        return s.Case(at=at, value=value, whens=tuple(whens), otherwise=otherwise)

    def _cast_(self) -> s.Expr:
        token = self.take()
        self.expect("(")
        value = self.expression()
        self.expect("AS")
        type_ = self.type_name()
        format_ = self.expression() if self.accept("FORMAT") else None
        zone = self.expression() if format_ and self.accept("AT", "TIME", "ZONE") else None
        self.expect(")")
        return s.Cast(
            at=token.start, value=value, type=type_, safe=token.word == "SAFE_CAST", format=format_, zone=zone
        )

    _safe_cast_ = _cast_

    def _extract_(self) -> s.Expr:
        at = self.expect("EXTRACT").start
        self.expect("(")
        part = self.part()
        self.expect("FROM")
        value = self.expression()
        zone = self.expression() if self.accept("AT", "TIME", "ZONE") else None
        self.expect(")")
        return s.Extract(at=at, part=part, value=value, zone=zone)

    def _interval_(self) -> s.Interval:
        at = self.expect("INTERVAL").start
        value = self.expression()
        part = self.part()
        return s.Interval(at=at, value=value, part=part, to=self.part() if self.accept("TO") else None)

    def _array_(self) -> s.Expr:
        at = self.token.start
        if self.ahead().word == "<":
            type_ = self.type_name()
            return s.ArrayOf(at=at, items=self._brackets(), type=type_)
        self.take()
        if self.sees("["):
            return s.ArrayOf(at=at, items=self._brackets())
        self.expect("(")
        query = self.query()
        self.expect(")")
        return s.Subquery(at=at, kind="ARRAY", query=query)

    def _struct_(self) -> s.Expr:
        at = self.token.start
        type_ = None
        if self.ahead().word == "<":
            type_ = self.type_name()
        else:
            self.take()
        self.expect("(")
        items = () if self.sees(")") else self.listed(self._field)
        self.expect(")")
        return s.StructOf(at=at, items=items, type=type_)

    def _field(self) -> s.Item:
        at, value = self.token.start, self.expression()
        return s.Item(at=at, value=value, alias=self.identifier() if self.accept("AS") else "")

    def _exists_(self) -> s.Expr:
        at = self.expect("EXISTS").start
        self.expect("(")
        query = self.query()
        self.expect(")")
        return s.Subquery(at=at, kind="EXISTS", query=query)

    def type_name(self) -> s.TypeName:
        """A type as it is written."""
        token = self.take()
        if token.word == "ARRAY":
            self.expect("<")
            of = self.type_name()
            self._close_angle()
            return s.TypeName(at=token.start, name="ARRAY", of=(of,))
        if token.word == "STRUCT":
            return self._struct_type(token.start)
        if token.kind != "name":
            raise self.failure("expected a type, got", token)
        sizes: tuple[int, ...] = ()
        if self.accept("("):
            sizes = self.listed(self._size)
            self.expect(")")
        return s.TypeName(at=token.start, name=token.word, sizes=sizes)

    def _struct_type(self, at: int) -> s.TypeName:
        self.expect("<")
        names, types = [], []
        while not self.sees(">") and not self.sees(">>"):
            named = self.ahead().word not in {"<", ",", ">", ">>", "("} and self.sees_identifier()
            names.append(self.identifier() if named else "")
            types.append(self.type_name())
            if not self.accept(","):
                break
        self._close_angle()
        return s.TypeName(at=at, name="STRUCT", of=tuple(types), names=tuple(names))

    def _size(self) -> int:
        token = self.take()
        if token.kind != "integer":
            raise self.failure("expected a number, got", token)
        return int(str(token.value), 0)

    def _close_angle(self) -> None:
        """Take `>`, also the first half of `>>`."""
        if self.sees(">>"):
            token = self.token
            half = type(token)("operator", ">", token.start + 1, token.end)
            self.tokens[self.index] = half
            return
        self.expect(">")
