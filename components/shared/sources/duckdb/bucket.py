"""`gs://BUCKET/FOLDER`: as `file://FOLDER`, of which only the tables that a query reads are fetched."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlglot import exp

from components.shared.files.artifacts import digest_of
from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs.reading import checksum
from components.shared.sources.duckdb.folder import Folder
from configs.errors import PipelineError, SourceError


class Bucket(Folder):
    """The tables of a folder in a bucket; a single object is a folder of one table.

    Its objects are empty files where the connection spills, until a table is asked for: then its files
    are fetched, side by side.
    """

    def __init__(self, uri: str, csv_missing: Sequence[str]) -> None:
        super().__init__(uri, csv_missing)
        self._uri = uri.rstrip("/")
        self._objects: dict[Path, Any] = {}

    def names(self, connection: Any) -> list[tuple[str, str]]:
        """See `Catalog.names`."""
        spill = connection.sql("SELECT current_setting('temp_directory')").fetchall()[0][0]
        self._path = Path(spill) / "source" / self._uri.rpartition("/")[2]
        found = gcs_reading.objects_or_object(self._uri)
        if not found:
            raise SourceError(
                f"the source folder {self._uri}",
                expected="a folder",
                got="nothing there",
                remedy="Set source.uri.",
            )
        self._objects = {self._path / name: each for name, each in found.items()}
        for path in self._objects:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        with self._named_as_given():
            return super().names(connection)

    def relation(self, connection: Any, dataset: str, table: str) -> exp.Table:
        """See `Catalog.relation`."""
        if table not in self._made:
            gcs_reading.fetch({path: self._objects[path] for path in self._files[table]})
        with self._named_as_given():
            return super().relation(connection, dataset, table)

    def digest(self, connection: Any, dataset: str, table: str) -> str:  # noqa: ARG002 - see Catalog
        """A digest of the files' names and contents; nothing is fetched."""
        files = self._files[table]
        return " ".join(f"{file.name}:{digest_of({'.': checksum(self._objects[file])})}" for file in files)

    def translate_error(self, connection: Any, error: Exception) -> PipelineError | None:
        """See `Folder.translate_error`."""
        with self._named_as_given():
            return super().translate_error(connection, error)

    @contextlib.contextmanager
    def _named_as_given(self) -> Iterator[None]:
        try:
            yield
        except PipelineError as error:
            raise error.replacing(str(self._path), self._uri) from error
