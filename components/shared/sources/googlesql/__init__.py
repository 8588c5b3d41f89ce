"""GoogleSQL, read and translated for DuckDB: values typed, constructs known or refused by place.

`tokens` and the parsers make trees (`syntax`) of a text; `queries` translates them with `sources` (FROM),
`expressions`, `operators`, `casts`, `grouping`, `windows`, and the tables of `functions/`, a line each.
"""

from components.shared.sources.googlesql.query import (
    Query,
    check_names,
    check_parameters,
    parse,
    spliced,
    statements,
)
from components.shared.sources.googlesql.text import Position, position_at, query_error, quoted

__all__ = [
    "Position",
    "Query",
    "check_names",
    "check_parameters",
    "parse",
    "position_at",
    "query_error",
    "quoted",
    "spliced",
    "statements",
]
