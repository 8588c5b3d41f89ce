"""Rows of a source, as every stage that reads one needs them: columns checked, rows written and counted."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa

from components.shared.files.artifacts import shard_path
from components.shared.files.place import Place
from components.shared.sources import Rows, googlesql
from components.shared.sources.googlesql.syntax import Table
from components.shared.stage.recording import Progress
from configs.errors import DataError, MissingFeatureError, did_you_mean
from configs.rows import Part
from configs.rows import Source as Selection

EXAMPLES = "examples"
"""The table of a prediction's SQL that holds the rows of the training query."""


def check_columns(wanted: Iterable[str], schema: pa.Schema) -> None:
    """Make sure that a selection has the columns that a later stage needs.

    Raises:
        MissingFeatureError: One is not there; the nearest is named.
    """
    for name in wanted:
        if name not in schema.names:
            raise MissingFeatureError(f"the column '{name}'", **not_among(name, schema.names))


def not_among(name: str, names: Sequence[str]) -> dict[str, str]:
    """What an error says of a column that the query does not return."""
    return {
        "expected": "among the columns that the query returns",
        "got": ", ".join(names),
        "remedy": did_you_mean(name, names, otherwise="Return it from the query."),
    }


def orderable(names: Iterable[str], schema: pa.Schema) -> list[str]:
    """The columns that rows can be ordered by."""
    return [name for name in names if not pa.types.is_nested(schema.field(name).type)]


def report_written(progress: Progress, total: int) -> Callable[[int], None]:
    """Report the progress of rows that are written, one split after the other."""
    done = 0

    def wrote(rows: int) -> None:
        nonlocal done
        done += rows
        progress("writing rows", done, total)

    return wrote


def write(  # noqa: PLR0913, PLR0917 - what, where, and how much of it there must be
    rows: Rows,
    sql: str,
    order: Sequence[str],
    folder: Place,
    part: Part,
    shard_rows: int,
    counted: int,
    wrote: Callable[[int], None],
) -> None:
    """Write the rows that GoogleSQL returns from a materialized selection as the shards of one part.

    Args:
        rows: The selection.
        sql: One SELECT over `result`.
        order: The columns that order the rows of a shard.
        folder: The `rows` artifact.
        part: Its folder.
        shard_rows: About how many rows a shard has.
        counted: How many rows there are; none may disappear.
        wrote: Called with the number of rows, as they are written.

    Raises:
        DataError: Other rows were written than were counted.
    """
    written = rows.write(sql, order, lambda index: shard_path(folder, part, index), shard_rows, wrote)
    if counted != written:
        raise DataError(
            f"rows of '{part}'",
            expected=f"{counted:,} rows, as they were counted",
            got=f"{written:,} in its shards",
            remedy="Run the same command again. If this persists, report it: no row may disappear.",
        )


def query_digest(selection: Selection) -> str:
    """BLAKE2b (16 bytes, hex) over the SQL and its parameters."""
    text = json.dumps([selection.sql, selection.model_dump(mode="json")["parameters"]])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def with_examples(selection: Selection, examples: str) -> Selection:
    """A selection in whose SQL the table `examples` is another query.

    Args:
        selection: Where rows come from; without SQL it stays as it is.
        examples: GoogleSQL that returns the rows of that table; empty: it is a table like others.

    Raises:
        QueryError: Its SQL does not parse.
    """
    if not (selection.sql.strip() and examples.strip()):
        return selection
    rows = f"(\n{examples.rstrip().rstrip(';')}\n)"

    def inside(table: Table) -> str | None:
        if table.dataset or table.name != EXAMPLES:
            return None
        return rows if table.alias else f"{rows} AS {EXAMPLES}"

    sql = googlesql.spliced(googlesql.parse(selection.sql), inside)
    return selection.model_copy(update={"sql": sql})
