"""From a text to DuckDB's SQL and the names and types of its columns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.sources.googlesql.queries import Queries, Resolve
from components.shared.sources.googlesql.query import Query, check_names
from components.shared.sources.googlesql.types import Type, identifier


@dataclass(frozen=True)
class Translation:
    """A query in DuckDB's SQL."""

    sql: str
    names: tuple[str, ...]
    types: tuple[Type, ...]
    functions: frozenset[str] = frozenset()
    """Functions of ours that it calls: `gsql_…`."""


def translate(query: Query, parameters: Mapping[str, Any], resolve: Resolve) -> Translation:
    """A query in DuckDB's SQL.

    Args:
        query: GoogleSQL.
        parameters: Values of @parameters.
        resolve: The relation that a table's name means.

    Raises:
        QueryError: A name, a type or a construct in it is refused; with line and column.
    """
    translator = Queries(query.text, parameters, resolve)
    relation = translator.query(query.tree, None)
    if any(map(_has_intervals, relation.types)):
        raise translator.refused(
            query.tree, "no counterpart for a column of INTERVAL", "Add it to a date, or EXTRACT its parts."
        )
    names = [name or f"f{place}_" for place, name in enumerate(relation.names)]
    check_names(names)
    columns = ", ".join(f"c{place} AS {identifier(name)}" for place, name in enumerate(names))
    order = f" ORDER BY {', '.join(key.sql for key in relation.order)}" if relation.order else ""
    sql = f"SELECT {columns} FROM ({relation.sql}){order}"
    return Translation(sql, tuple(names), relation.types, frozenset(re.findall(r"\bgsql_\w+", sql)))


def _has_intervals(type_: Type) -> bool:
    return type_.name == "INTERVAL" or any(map(_has_intervals, type_.of))
