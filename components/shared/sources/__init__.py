"""Where rows come from: one `Source`, an adapter for each URI scheme, chosen by `open_source`."""

from components.shared.sources.source import Rows, Source
from configs.bigquery import BigQueryAccess
from configs.errors import UnknownSourceError
from configs.rows import Ingest

__all__ = ["Rows", "Source", "open_source"]


def open_source(uri: str, how: Ingest | None = None, access: BigQueryAccess | None = None) -> Source:
    """The adapter for a URI's scheme.

    Args:
        uri: `duckdb://FILE`, `file://FOLDER`, `gs://BUCKET/FOLDER` or `bq://PROJECT[.DATASET]`.
        how: Memory and threads of an engine in this process, and how files are read.
        access: Who pays for BigQuery and with which limits; None: the URI's project, the default limits.

    Raises:
        UnknownSourceError: No adapter for the scheme.
        SourceError: Nothing lies there.
    """
    scheme, _, place = uri.partition("://")
    how = how or Ingest()
    if place and scheme == "duckdb":
        from components.shared.sources.duckdb.source import DuckDBSource
        from components.shared.sources.duckdb.warehouse import Warehouse

        return DuckDBSource(uri, Warehouse(place), how)
    if place and scheme == "file":
        from components.shared.sources.duckdb.folder import Folder
        from components.shared.sources.duckdb.source import DuckDBSource

        return DuckDBSource(uri, Folder(place, how.csv_missing), how)
    if place and scheme == "gs":
        from components.shared.sources.duckdb.folder import Bucket
        from components.shared.sources.duckdb.source import DuckDBSource

        return DuckDBSource(uri, Bucket(uri, how.csv_missing), how)
    if place and scheme == "bq":
        from components.shared.sources.bigquery.source import BigQuerySource

        return BigQuerySource(uri, access)
    raise UnknownSourceError(
        f"no reader for '{uri}'",
        expected="duckdb://FILE, file://FOLDER, gs://BUCKET/FOLDER or bq://PROJECT[.DATASET]",
        remedy="Set source.uri.",
    )
