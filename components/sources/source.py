"""What every source can do, and the one place that chooses an adapter."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import pyarrow as pa

from components.recording import Progress, silent
from configs.errors import UnknownSourceError
from configs.settings import Ingest
from configs.settings import Source as Selection

RESULT = "result"
"""The name of a selection's rows in the SQL that is asked of them."""


class Rows(Protocol):
    """The rows of a selection: run once, held by the engine, asked in GoogleSQL.

    Columns have the types of GoogleSQL: int64, double, bool, string, binary, date32,
    timestamp[us, tz=UTC], and lists or structs of them.
    """

    schema: pa.Schema

    def hold(self, progress: Progress = silent) -> int:
        """Run the selection and keep its rows; how many there are.

        Raises:
            QueryError, UnreadableFileError: What goes wrong only while it runs.
        """

    def select(self, sql: str, batch_rows: int = 10_000) -> Iterator[pa.RecordBatch]:
        """Run GoogleSQL over the table `result` that `hold` made; a batch at a time, never all in memory."""


class Source(Protocol):
    """Tables that can be read with GoogleSQL."""

    uri: str

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


def open_source(uri: str, how: Ingest | None = None) -> Source:
    """The adapter for a URI's scheme.

    Args:
        uri: `duckdb://FILE`, `file://FOLDER` or `gs://BUCKET/FOLDER`.
        how: Memory and threads of an engine in this process, and how files are read.

    Raises:
        UnknownSourceError: No adapter for the scheme.
        SourceError: Nothing lies there.
    """
    scheme, separator, place = uri.partition("://")
    how = how or Ingest()
    if separator and place and scheme == "duckdb":
        from components.sources.duckdb_source import DuckDBSource
        from components.sources.warehouse import Warehouse

        return DuckDBSource(uri, Warehouse(place), how)
    if separator and place and scheme == "file":
        from components.sources.duckdb_source import DuckDBSource
        from components.sources.folder import Folder

        return DuckDBSource(uri, Folder(place, how.csv_missing), how)
    if separator and place and scheme == "gs":
        from components.sources.bucket import Bucket
        from components.sources.duckdb_source import DuckDBSource

        return DuckDBSource(uri, Bucket(uri, how.csv_missing), how)
    raise UnknownSourceError(
        f"no reader for '{uri}'",
        expected="duckdb://FILE, file://FOLDER or gs://BUCKET/FOLDER",
        way_out="Set source.uri.",
    )
