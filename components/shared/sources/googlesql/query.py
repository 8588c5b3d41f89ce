"""One query of a user's: its text, its tree, and the tables that it reads."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from components.shared.sources.googlesql import syntax as s
from components.shared.sources.googlesql.parse_queries import QueryParser
from components.shared.sources.googlesql.text import Position, position_at
from components.shared.sources.googlesql.tokens import end_of_token, tokenize
from components.shared.sources.googlesql.trees import children, nodes
from configs.errors import QueryError

CLOCK = frozenset(
    (
        "CURRENT_DATE",
        "CURRENT_DATETIME",
        "CURRENT_TIME",
        "CURRENT_TIMESTAMP",
        "GENERATE_UUID",
        "RAND",
        "SESSION_USER",
    )
)
"""Functions whose value is another each time: rows of a query that calls one are never taken from a cache."""


@dataclass(frozen=True)
class Query:
    """A query in GoogleSQL."""

    text: str
    tree: s.Query

    @cached_property
    def tables(self) -> list[s.Table]:
        """The tables read, in the text's order; not names that the query makes (WITH, arrays of a row)."""
        return list(_tables(self.tree, frozenset(), frozenset()))

    @cached_property
    def names(self) -> list[str]:
        """The names of its columns, as far as the text says them: not what `*` brings."""
        body: Any = self.tree.body
        while isinstance(body, s.SetOperation | s.Query):
            body = body.left if isinstance(body, s.SetOperation) else body.body
        items = body.items if isinstance(body, s.Select) and not self.tree.pipes else ()
        return [name for each in items if (name := each.alias or own_name(each.value))]

    @cached_property
    def volatile(self) -> tuple[str, ...]:
        """The functions in it that ask for the time or for random numbers."""
        return tuple(sorted({each.name for each in calls(self.tree) if each.name in CLOCK}))

    def position(self, node: s.Node) -> Position:
        """Where a node begins in the text."""
        return position_at(self.text, node.at)


def parse(text: str) -> Query:
    """The one query in the text; a BOM before it and `;` behind it are no part of it.

    Raises:
        QueryError: It does not parse, or more follows; with line and column.
    """
    text = text.removeprefix("\ufeff")
    return Query(text, QueryParser(text).statement())


def check_names(names: Iterable[str]) -> None:
    """Make sure that a result has each column once, upper or lower case: a table cannot have one twice.

    Raises:
        QueryError: One is there twice.
    """
    twice = sorted(name for name, count in Counter(map(str.lower, names)).items() if count > 1)
    if twice:
        raise QueryError("the query", expected="each column once", got=f"{twice} twice")


def own_name(node: s.Expr) -> str:
    """The name that a column has without AS."""
    if isinstance(node, s.Name):
        return node.parts[-1]
    return node.name if isinstance(node, s.Member) else ""


def statements(text: str) -> list[str]:
    """The queries of a text, separated by `;`, each as it was written; they need not parse."""
    text = text.removeprefix("\ufeff")
    found, begin, at = [], 0, 0
    while at < len(text):
        end = end_of_token(text, at)
        if end is None:  # what no token begins with goes on until the next semicolon
            end = text.find(";", at) if ";" in text[at:] else len(text)
        elif text[at] == ";":
            found.append(text[begin:at])
            begin = end
        at = end
    return [each for each in (*found, text[begin:]) if _says_something(each)]


def _says_something(text: str) -> bool:
    try:
        return len(tokenize(text)) > 1
    except QueryError:
        return True


def spliced(query: Query, written_as: Callable[[s.Table], str | None]) -> str:
    """The text as it was written, but for the names of tables that `written_as` writes anew; without `;`.

    Args:
        query: The text and its tree.
        written_as: GoogleSQL for a table's name, or None to leave it.
    """
    text = query.text[: end_of(query)]
    for table in sorted(query.tables, key=lambda each: -each.at):
        written = written_as(table)
        if written is not None:
            text = text[: table.at] + written + text[table.end :]
    return text


def end_of(query: Query) -> int:
    """Where the query ends in its text: before a `;` and what stands behind."""
    tokens = tokenize(query.text)
    last = next(
        (token for token in reversed(tokens) if token.kind != "end" and token.text != ";"), tokens[-1]
    )
    return len(query.text) if tokens[-2].text != ";" else last.end


def check_parameters(query: Query, values: Mapping[str, Any]) -> None:
    """Make sure that every @parameter has a value.

    Raises:
        QueryError: One has none; with line and column.
    """
    known = {name.lower() for name in values}
    for node in nodes(query.tree):
        if isinstance(node, s.Parameter) and node.name.lower() not in known:
            raise unknown_parameter(query.text, node, values)


def unknown_parameter(text: str, node: s.Parameter, values: Mapping[str, Any]) -> QueryError:
    """The error for an @parameter without a value."""
    return QueryError(
        f"the query, {position_at(text, node.at)}, parameter @{node.name}",
        expected="a value under source.parameters",
        got=f"values for {sorted(values)}" if values else "no values",
    )


def calls(node: Any) -> Iterator[s.Call]:
    """Every function's call in a tree."""
    return (each for each in nodes(node) if isinstance(each, s.Call))


def _tables(node: s.Node, made: frozenset[str], rows: frozenset[str]) -> Iterator[s.Table]:
    """The tables below a node.

    Args:
        node: A part of the tree.
        made: Names of WITH that hide tables here, in lower case.
        rows: Aliases of FROM around: a path that begins with one is an array of a row.
    """
    if isinstance(node, s.Query):
        yield from _in_query(node, made, rows)
    elif isinstance(node, s.Select | s.From):
        here = rows | frozenset(_aliases(node.source))
        for each in children(node):
            yield from _tables(each, made, here)
    elif isinstance(node, s.Table):
        first = node.path[0].lower()
        named = len(node.path) == 1 and first in made
        if not named and not (len(node.path) > 1 and not node.single and first in rows):
            yield node
    else:
        for each in children(node):
            yield from _tables(each, made, rows)


def _in_query(node: s.Query, made: frozenset[str], rows: frozenset[str]) -> Iterator[s.Table]:
    names = frozenset(name.lower() for name, _ in node.ctes)
    before = made | names if node.recursive else made
    for name, query in node.ctes:
        yield from _tables(query, before, rows)
        before |= {name.lower()}
    around = rows | (frozenset(_aliases(node.body.source)) if isinstance(node.body, s.From) else frozenset())
    for each in children(replace(node, ctes=())):
        yield from _tables(each, before, around)


def _aliases(source: Any) -> Iterator[str]:
    """The names that FROM gives to rows, in lower case."""
    if isinstance(source, s.Join):
        yield from _aliases(source.left)
        yield from _aliases(source.right)
    elif isinstance(source, s.Table):
        yield (source.alias or source.path[-1]).lower()
    elif source is not None and getattr(source, "alias", None):
        yield source.alias.lower()
