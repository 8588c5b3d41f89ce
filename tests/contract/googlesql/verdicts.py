"""Our answer to a recorded query, held to Google's."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from components.shared.sources.googlesql import parse, runtime
from components.shared.sources.googlesql.translation import translate
from components.shared.sources.googlesql.values import Relation
from components.shared.sources.source import Answer
from configs.errors import PipelineError, QueryError
from pipelines.commands.sql import json_value
from tests.contract.googlesql.recording import same

LIMITS = (
    "Unsupported built-in function",
    "Function not found: M",
    "U_FILE_ACCESS_ERROR",
    'input string "2024-03-04',
)
"""What the engine does not compute here: APPROX_*; MAX_BY; NORMALIZE's NFKD, without data; PARSE_* by %F."""


def fill(file: Path, tables: dict[str, str]) -> str:
    """Make a warehouse of what queries return; its URI."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA t")
        for name, sql in tables.items():
            found = translate(parse(sql), {}, _no_table)
            runtime.register(connection, found.functions)
            connection.execute(f'CREATE TABLE t."{name}" AS {found.sql}')
    return f"duckdb://{file}"


def _no_table(table: Any) -> Relation:
    raise AssertionError(f"no table {table.name}")


def judged(ask: Callable[[str], Answer], line: dict[str, Any]) -> tuple[str, str]:
    """`equal`, `both` for an error in both, `refused` with the reason; `wrong` with what is wrong."""
    refused = line.get("refused", "")
    try:
        answer = ask(line["query"])
    except QueryError as error:
        return ("both" if refused else "refused"), error.got.partition(" in '")[0]
    except (PipelineError, duckdb.Error) as error:
        return "wrong", f"no plain refusal: {error!r}"
    if refused:
        known = any(limit in refused for limit in LIMITS)
        return ("both", "") if known else ("wrong", f"answered, though Google refuses: {refused}")
    return _compared(answer, line)


def _compared(answer: Answer, line: dict[str, Any]) -> tuple[str, str]:
    types, theirs = ([type_ for _, type_ in each] for each in (answer.columns, line["columns"]))
    if types != theirs:
        return "wrong", f"types {types} for {theirs}"
    rows = [list(map(json_value, row)) for row in answer.rows]
    if same(rows, line["rows"]) or same(sorted(rows, key=repr), sorted(line["rows"], key=repr)):
        return "equal", ""
    different = [pair for pair in zip(rows, line["rows"], strict=False) if not same(*pair)]
    return "wrong", f"rows {different[:3]}"
