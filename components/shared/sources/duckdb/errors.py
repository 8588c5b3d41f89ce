"""DuckDB's errors, in terms of the query as the user wrote it."""

import re
from pathlib import Path

import duckdb

from components.shared.sources import googlesql
from configs.errors import NoSpaceError, PipelineError, SourceError, UnreadableFileError

_PLACE = re.compile(r"^LINE (?P<line>\d+): (?P<snippet>.*)\n(?P<indent> *)\^", re.MULTILINE)
_HINT = re.compile(r"^(Candidate bindings:|Did you mean).*", re.MULTILINE)


def translate_duckdb_error(
    error: duckdb.Error, query: googlesql.Query | None, translated: str = ""
) -> PipelineError:
    """Our error for one of DuckDB's.

    Args:
        error: What DuckDB raised.
        query: The user's query; None where there is none.
        translated: The same in DuckDB's SQL; it began on the second line of what was run.
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
    if query is None:
        return SourceError("the source", got=_first_line(message))
    hint = _HINT.search(message)
    remedy = hint[0].replace("bindings: :", "bindings:") if hint else ""
    return googlesql.query_error(
        query.text, _position(message, query, translated), _first_line(message), remedy
    )


def unreadable(file: Path, expected: str, got: str) -> UnreadableFileError:
    """The error about a file of a folder."""
    remedy = "Write the file again, or move it out of the folder."
    return UnreadableFileError(str(file), expected=expected, got=got, remedy=remedy)


def _first_line(message: str) -> str:
    return re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", message.splitlines()[0]).rstrip(" .!")


def _position(message: str, query: googlesql.Query, translated: str) -> googlesql.Position | None:
    place = _PLACE.search(message)
    if place is None:
        named = re.search(r'"(\w+)"', message.splitlines()[0])
        return googlesql.first(query, named[1]) if named else None
    shown = place["snippet"].strip(".")
    within = len(place["indent"]) - len(f"LINE {place['line']}: ") - place["snippet"].find(shown)
    line = int(place["line"]) - 1  # the first is ours
    if not 1 <= line <= len(translated.splitlines()):
        return None
    start = translated.splitlines()[line - 1].find(shown)
    return googlesql.locate(query, translated, line, start + within + 1) if start >= 0 else None
