"""What every source can do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from components.shared.files.place import Place
from components.shared.stage.recording import Progress, silent
from configs.rows import Source as Selection

RESULT = "result"
"""The name of a selection's rows in the SQL over them."""
Wrote = Callable[[int], None]
"""Called with the number of rows that were written since the last call."""


class Rows(Protocol):
    """The rows of a selection: run once, materialized by the engine, queried in GoogleSQL.

    Columns have the types of GoogleSQL: int64, double, bool, string, binary, date32,
    timestamp[us, tz=UTC], and lists or structs of them.
    """

    schema: pa.Schema
    estimate: Mapping[str, int]
    """What running the selection will take, as the engine says before it runs: `scanned_bytes` where
    they cost something, else nothing."""

    def materialize(self, progress: Progress = silent) -> int:
        """Run the selection and materialize its rows; returns how many there are.

        Raises:
            QueryError, UnreadableFileError: What goes wrong only while it runs.
        """

    def select(self, sql: str, batch_rows: int = 10_000) -> Iterator[pa.RecordBatch]:
        """Run GoogleSQL over the materialized rows, the table `result`; yields one batch at a time."""

    def write(
        self,
        sql: str,
        order: Sequence[str],
        shard: Callable[[int], Place],
        shard_rows: int,
        wrote: Wrote = ...,
    ) -> int:
        """Write the rows that GoogleSQL returns from `result` as Parquet shards; returns how many they are.

        Args:
            sql: One SELECT without ORDER BY, of at least one row.
            order: Columns of it that order the rows of a shard. Equal rows and equal order: equal shards.
            shard: The place of shard number i, from 0, here or on `gs://`.
            shard_rows: About how many rows a shard has.
            wrote: Called with the number of rows, as they are written.
        """


class Answer(NamedTuple):
    """What a query returns."""

    columns: list[tuple[str, str]]
    """Names, and GoogleSQL types as they are written: `ARRAY<INT64>`."""
    rows: list[tuple[Any, ...]]
    """As Python values: int, float, Decimal, bool, str, bytes, date, time, datetime, list, dict."""


class Source(Protocol):
    """Tables that can be read with GoogleSQL."""

    uri: str

    def asking(self) -> AbstractContextManager[Callable[[str], Answer]]:
        """A function that answers one query after the other, for someone who tries them.

        It raises QueryError for a query that does not parse, bind or run.
        """

    def tables(self) -> dict[str, pa.Schema]:
        """The tables by name (`dataset.table` where there are datasets), with their columns."""

    def fingerprint(self, selection: Selection) -> str:
        """A digest of the content of the tables that a selection reads: equal content, equal digest."""

    def rows(self, selection: Selection) -> AbstractContextManager[Rows]:
        """Bind a selection: its columns are known, nothing is run yet.

        Raises:
            QueryError: The SQL does not parse or bind; with line and column.
            UnreadableFileError: A file behind a table is corrupt.
        """
