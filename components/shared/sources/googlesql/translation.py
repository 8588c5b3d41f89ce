"""From a text to DuckDB's SQL and the names and types of its columns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.sources.googlesql.parse_queries import QueryParser
from components.shared.sources.googlesql.queries import Queries, Resolve
from components.shared.sources.googlesql.types import Type, identifier


@dataclass(frozen=True)
class Translation:
    """A query in DuckDB's SQL."""

    sql: str
    names: tuple[str, ...]
    types: tuple[Type, ...]
    functions: frozenset[str]
    """Functions of ours that it calls: `gsql_…`."""


def translate(text: str, parameters: Mapping[str, Any], resolve: Resolve) -> Translation:
    """A query in DuckDB's SQL.

    Args:
        text: GoogleSQL.
        parameters: Values of @parameters.
        resolve: The relation that a table's name means.

    Raises:
        QueryError: It does not parse, or a name, a type or a construct in it is refused; with line and column.
    """
    tree = QueryParser(text).statement()
    translator = Queries(text, parameters, resolve)
    relation = translator.query(tree, None)
    names = [name or f"f{place}_" for place, name in enumerate(relation.names)]
    columns = ", ".join(f"c{place} AS {identifier(name)}" for place, name in enumerate(names))
    order = f" ORDER BY {', '.join(key.sql for key in relation.order)}" if relation.order else ""
    sql = f"SELECT {columns} FROM ({relation.sql}){order}"
    return Translation(sql, tuple(names), relation.types, frozenset(re.findall(r"\bgsql_\w+", sql)))
