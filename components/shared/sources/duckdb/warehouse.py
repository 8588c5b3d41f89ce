"""`duckdb://FILE`: the local warehouse, one file with a schema for each dataset."""

import hashlib
from pathlib import Path
from typing import Any

import duckdb

from components.shared.sources.googlesql.types import identifier
from configs.errors import BusyError, PipelineError, SourceError, UnreadableFileError

_DATABASE = "warehouse"


class Warehouse:
    """The tables of a DuckDB file, opened read-only: several readers at once are fine."""

    def __init__(self, place: str) -> None:
        self._path = Path(place)

    def names(self, connection: Any) -> list[tuple[str, str]]:
        """See `Catalog.names`."""
        if not self._path.is_file():
            raise SourceError(
                f"the warehouse {self._path}",
                expected="a DuckDB file",
                got="nothing there",
                remedy="Load the sample data with `python -m pipelines seed`, or set source.uri.",
            )
        place = str(self._path).replace("'", "''")
        try:
            connection.execute(f"ATTACH '{place}' AS {_DATABASE} (READ_ONLY)")
        except duckdb.Error as error:
            if "lock" in str(error).lower():
                raise BusyError(
                    f"the warehouse {self._path} is open for writing elsewhere",
                    remedy="Wait for that process, then run the same command again.",
                ) from error
            raise self._unreadable(error) from error
        found: list[tuple[str, str]] = connection.sql(
            "SELECT table_schema, table_name FROM information_schema.tables "  # noqa: S608 - a constant
            f"WHERE table_catalog = '{_DATABASE}' ORDER BY ALL"
        ).fetchall()
        return found

    def relation(self, connection: Any, dataset: str, table: str) -> str:  # noqa: ARG002 - see Catalog
        """See `Catalog.relation`."""
        return f"{_DATABASE}.{identifier(dataset)}.{identifier(table)}"

    def digest(self, connection: Any, dataset: str, table: str) -> str:
        """A digest of columns, count and two order-free sums of the rows' hashes."""
        relation = self.relation(connection, dataset, table)
        facts = connection.sql(
            f"SELECT count(*), bit_xor(hash(each)), sum(hash(each)) FROM {relation} AS each"  # noqa: S608 - quoted
        ).fetchall()
        columns = connection.sql(f"DESCRIBE {relation}").fetchall()
        return hashlib.blake2b(repr((facts, columns)).encode(), digest_size=16).hexdigest()

    def translate_error(self, connection: Any, error: Exception) -> PipelineError | None:  # noqa: ARG002 - see Catalog
        """A damaged block shows only when it is read."""
        if isinstance(error, duckdb.IOException | duckdb.InternalException) and (
            "checksum" in str(error) or "Corrupt" in str(error)
        ):
            return self._unreadable(error)
        return None

    def _unreadable(self, error: Exception) -> UnreadableFileError:
        return UnreadableFileError(
            str(self._path),
            expected="a DuckDB file",
            got=str(error).splitlines()[0],
            remedy="Load it anew with `python -m pipelines seed`, or set source.uri.",
        )
