"""DuckDB's errors, in terms of the query as the user wrote it."""

import re
from pathlib import Path

import duckdb

from components.shared.sources import googlesql
from components.shared.sources.duckdb.tables import BEYOND
from components.shared.sources.googlesql.syntax import Cast
from components.shared.sources.googlesql.trees import nodes
from configs.errors import NoSpaceError, PipelineError, SourceError, UnreadableFileError


def translate_duckdb_error(error: duckdb.Error, query: googlesql.Query | None) -> PipelineError:
    """Our error for one of DuckDB's.

    Args:
        error: What DuckDB raised.
        query: The user's query; None where there is none.
    """
    message = str(error)
    if "No space left on device" in message or "max_temp_directory_size" in message:
        return NoSpaceError(
            "no space left for what the query spills",
            got=_first_line(message),
            remedy="Free some space (TMPDIR says where), or raise ingest.memory_limit.",
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return SourceError(
            "the query needs more memory than it may take",
            got=_first_line(message),
            remedy="Raise ingest.memory_limit, or lower ingest.threads.",
        )
    if BEYOND in message:
        value, _, column = message.partition(BEYOND)[2].partition(" in the column ")
        return SourceError(
            "the column " + column.partition('"')[0],
            expected="dates within the years 1 to 9999",
            got=value,
            remedy="Mend the value, or leave the row out of the files.",
        )
    if query is None:
        return SourceError("the source", got=_first_line(message))
    return googlesql.query_error(query.text, _position(message, query), _first_line(message))


def unreadable(file: Path, expected: str, got: str) -> UnreadableFileError:
    """The error about a file of a folder."""
    remedy = "Write the file again, or move it out of the folder."
    return UnreadableFileError(str(file), expected=expected, got=got, remedy=remedy)


def _first_line(message: str) -> str:
    return re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", message.splitlines()[0]).rstrip(" .!")


def _position(message: str, query: googlesql.Query) -> googlesql.Position | None:
    """The only CAST to the type that a value does not become, if there is only one."""
    found = re.search(r"\b(?:to|a|an|no) ([A-Z][A-Z0-9]+)\b", message)
    if found is None:
        return None
    casts = [
        each
        for each in nodes(query.tree)
        if isinstance(each, Cast) and not each.safe and each.type.name == found[1]
    ]
    return query.position(casts[0]) if len(casts) == 1 else None
