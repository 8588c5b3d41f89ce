"""GoogleSQL for DuckDB: parsed once, its tables resolved, its parameters filled in, its dialect translated.

sqlglot does the translation; what it leaves with another meaning is corrected here, and each of
those has a test. Errors point into the SQL as the user wrote it.
"""

import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token

from configs.errors import QueryError

Parameter = str | int | float | datetime.date
Resolve = Callable[[exp.Table], exp.Table]


@dataclass(frozen=True)
class Position:
    """A place in the user's SQL, both from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True)
class Query:
    """One SELECT in GoogleSQL: the text as it was written and its tree."""

    text: str
    tree: exp.Query

    @cached_property
    def tables(self) -> list[exp.Table]:
        """The tables read, without the names that the query itself makes (WITH, UNNEST)."""
        return [
            table
            for table in self.tree.find_all(exp.Table)
            if isinstance(table.this, exp.Identifier) and not _is_named_within(table)
        ]

    @cached_property
    def tokens(self) -> list[Token]:
        """The text's tokens, without comments."""
        return sqlglot.tokenize(self.text, read="bigquery")

    def position(self, node: exp.Expr) -> Position | None:
        """Where a node of the tree begins in the text."""
        starts = [
            start for each in node.find_all(exp.Identifier) if (start := each.meta.get("start")) is not None
        ]
        return position_at(self.text, min(starts)) if starts else None


def quoted(name: str) -> str:
    """An identifier as GoogleSQL quotes it."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def spliced(query: Query, replace: Callable[[exp.Table], str | None]) -> str:
    """The text as it was written, but for the names of tables that `replace` writes anew; without `;`.

    Args:
        query: The text and its tree.
        replace: GoogleSQL for a table's name, or None to leave it.
    """
    last = query.tokens[-1]
    text = query.text[: last.start] if last.text == ";" else query.text
    for table, start, end in sorted(_spans(query), key=lambda span: -span[1]):
        written = replace(table)
        if written is not None:
            text = text[:start] + written + text[end:]
    return text


def _spans(query: Query) -> list[tuple[exp.Table, int, int]]:
    """Where the name of each table stands in the text: first character, and the one after the last."""
    spans = []
    for table in query.tables:
        parts = [table.args[part].meta for part in ("catalog", "db", "this") if table.args.get(part)]
        if all("start" in meta for meta in parts):
            spans.append(
                (table, min(meta["start"] for meta in parts), max(meta["end"] for meta in parts) + 1)
            )
    return spans


def check_parameters(query: Query, values: Mapping[str, Parameter]) -> None:
    """Make sure that every @parameter has a value.

    Raises:
        QueryError: One has none; with line and column.
    """
    for parameter in query.tree.find_all(exp.Parameter):
        _known_value(query, parameter.name, values)


def check_names(names: Iterable[str]) -> None:
    """Make sure that a result has each column once: a table cannot have one twice, as a result can.

    Raises:
        QueryError: One is there twice.
    """
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise QueryError("the query", expected="each column once", got=f"{twice} twice")


def position_at(text: str, offset: int) -> Position:
    """Line and column of a character."""
    before = text[:offset]
    return Position(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


def query_error(query: str, position: Position | None, got: str, remedy: str = "") -> QueryError:
    """An error that points into the user's SQL and shows the line."""
    if position is None:
        return QueryError("the query", got=got, remedy=remedy)
    line = query.splitlines()[position.line - 1].strip()
    return QueryError(f"the query, {position}", got=f"{got} in '{_cut(line)}'", remedy=remedy)


def parse(text: str) -> Query:
    """The one SELECT in the text.

    Raises:
        QueryError: It does not parse, or it is not one SELECT; with line and column.
    """
    try:
        parsed = sqlglot.parse(text, read="bigquery")
    except SqlglotError as error:
        raise _not_parsed(text, error) from error
    statements = [each for each in parsed if not isinstance(each, exp.Semicolon)]  # with a comment behind
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        kinds = ", ".join(type(each).__name__.upper() for each in statements if each) or "nothing"
        raise QueryError("the query", expected="one SELECT (WITH … is fine)", got=kinds)
    return Query(text, statements[0])


def to_duckdb(query: Query, parameters: Mapping[str, Parameter], resolve: Resolve) -> str:
    """The query in DuckDB's SQL, every table put through `resolve`, every @parameter filled in.

    Raises:
        QueryError: A parameter has no value, or a construct has no counterpart.
    """
    tree = query.tree.copy()
    for table in Query(query.text, tree).tables:
        table.replace(_resolved(table, resolve))
    for parameter in list(tree.find_all(exp.Parameter)):
        parameter.replace(_value(query, parameter, parameters))
    try:
        return tree.transform(_adapt).sql("duckdb", pretty=True, identify=True, comments=False)
    except SqlglotError as error:
        raise query_error(query.text, None, f"no translation: {_one_line(error)}") from error


def locate(query: Query, translated: str, line: int, column: int) -> Position | None:
    """Where the word at a place of the translation stands in the user's SQL.

    The n-th occurrence of a word there is taken for the n-th occurrence here. A word that only the
    translation has (another name of a function) stands where the next known word does.
    """
    there = sqlglot.tokenize(translated, read="duckdb")
    words = [token.text.lower() for token in there]
    places = [position_at(translated, token.start) for token in there]
    at = sum((place.line, place.column) <= (line, column) for place in places) - 1
    for index in range(max(at, 0), len(words)):
        nth = words[:index].count(words[index])
        here = [token for token in query.tokens if token.text.lower() == words[index]]
        if len(here) > nth and re.match(r"\w", words[index]):
            return position_at(query.text, here[nth].start)
    return None


def first(query: Query, word: str) -> Position | None:
    """Where a word stands first in the user's SQL."""
    here = [token for token in query.tokens if token.text.lower() == word.lower()]
    return position_at(query.text, here[0].start) if here else None


def _is_named_within(table: exp.Table) -> bool:
    if table.args.get("db"):
        return False
    scope: exp.Expr | None = table
    while scope is not None:
        with_ = scope.args.get("with_") or scope.args.get("with")
        if with_ and table.name in {cte.alias for cte in with_.expressions}:
            return True
        scope = scope.parent
    return False


def _resolved(table: exp.Table, resolve: Resolve) -> exp.Table:
    found = resolve(table)
    found.set("alias", table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name)))
    for extra in ("joins", "sample"):
        found.set(extra, table.args.get(extra))
    return found


def _value(query: Query, node: exp.Parameter, values: Mapping[str, Parameter]) -> exp.Expr:
    value = _known_value(query, node.name, values)
    if isinstance(value, datetime.datetime):
        return exp.cast(exp.Literal.string(value.isoformat(" ")), "TIMESTAMPTZ", dialect="duckdb")
    if isinstance(value, datetime.date):
        return exp.cast(exp.Literal.string(value.isoformat()), "DATE", dialect="duckdb")
    return exp.convert(value)


def _known_value(query: Query, name: str, values: Mapping[str, Parameter]) -> Parameter:
    if name not in values:
        place = re.search(rf"@{re.escape(name)}\b", query.text)
        where = f", {position_at(query.text, place.start())}" if place else ""
        raise QueryError(
            f"the query{where}, parameter @{name}",
            expected="a value under source.parameters",
            got=f"values for {sorted(values)}" if values else "no values",
        )
    return values[name]


def _adapt(node: exp.Expr) -> exp.Expr:
    """A node as DuckDB must read it to mean what BigQuery means."""
    if isinstance(node, exp.IntDiv):  # sqlglot writes `a - 1 // b` for DIV(a - 1, b)
        return exp.Anonymous(this="divide", expressions=[node.this, node.expression])
    if isinstance(node, exp.Extract) and node.this.name.upper() == "DAYOFWEEK":  # 1 is Sunday, not 0
        return exp.Paren(this=exp.Add(this=node.copy(), expression=exp.Literal.number(1)))
    if isinstance(node, exp.Extract) and node.this.name.upper() == "WEEK":  # weeks begin on Sunday
        week = exp.Anonymous(this="strftime", expressions=[node.expression, exp.Literal.string("%U")])
        return exp.cast(week, "BIGINT", dialect="duckdb")
    if isinstance(node, exp.DateTrunc | exp.TimestampTrunc) and node.text("unit").upper() == "WEEK":
        return _sunday_before(node)
    return node


def _sunday_before(node: exp.DateTrunc | exp.TimestampTrunc) -> exp.Expr:
    """Weeks begin on Sunday: a day later, DuckDB's Monday of that, a day back."""
    day = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
    shifted = exp.Anonymous(
        this="date_trunc",
        expressions=[exp.Literal.string("week"), exp.Add(this=exp.paren(node.this), expression=day)],
    )
    sunday = exp.paren(exp.Sub(this=shifted, expression=day.copy()))
    return exp.cast(sunday, "DATE", dialect="duckdb") if isinstance(node, exp.DateTrunc) else sunday


def _not_parsed(text: str, error: SqlglotError) -> QueryError:
    details = getattr(error, "errors", None)
    if details:
        first = details[0]
        begin = first["col"] - len(first["highlight"] or "") + 1
        position = Position(first["line"], max(begin, 1))
        description = re.sub(r" for <class .*", "", first["description"]).lower()
        return query_error(text, position, f"{description} at '{first['highlight']}'")
    found = re.search(r"^(.*) from (\d+):(\d+)", str(error.__cause__ or error))
    if found:
        position = Position(int(found[2]), int(found[3]))
        return query_error(text, position, found[1].lower().replace("missing", "nothing closes"))
    return query_error(text, None, _one_line(error))


def _one_line(error: BaseException) -> str:
    return _cut(" ".join(str(error).split()))


def _cut(text: str, length: int = 160) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
