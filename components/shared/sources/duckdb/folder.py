"""`file://FOLDER` and `gs://BUCKET/FOLDER`: each file or sub-folder is a table (Parquet, CSV, TFRecord)."""

import contextlib
import glob
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from components.shared.files import artifacts
from components.shared.files.gcs import reading as gcs_reading
from components.shared.sources.duckdb.errors import unreadable
from components.shared.sources.googlesql.types import identifier
from configs.errors import PipelineError, SourceError, UnreadableFileError

_SCHEMA = "source"
"""Where the tables are for DuckDB: no name of a user's meets one of ours."""
_CSV_SAMPLE_ROWS = 1_000_000
"""Rows that decide the type of a CSV column."""
_CSV_LINE_BYTES = 32 * 2**20
"""The longest line of a CSV file; each thread holds a buffer of this size."""
_FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    ".tfrecord.gz": "tfrecord",
    ".tfrecords.gz": "tfrecord",
}
_SHARD = re.compile(r"[._]tfrecords?-\d+-of-\d+(?:\.gz)?$", re.IGNORECASE)
"""How TensorFlow, TFDS and TFX name the shards of a table: `train.tfrecord-00000-of-00002`."""
_EXPECTED = "*.parquet, *.csv, *.csv.gz, *.tfrecord or *.tfrecord.gz"


class Folder:
    """The tables of a folder; a single file is a folder of one table."""

    def __init__(self, place: str, csv_missing: Sequence[str]) -> None:
        self._path, self._csv_missing = Path(place), csv_missing
        self._files: dict[str, list[Path]] = {}
        self._made: dict[str, str] = {}

    def names(self, connection: Any) -> list[tuple[str, str]]:  # noqa: ARG002 - see Catalog
        """See `Catalog.names`."""
        self._files, self._made = self._find(), {}
        return [("", table) for table in self._files]

    def relation(self, connection: Any, dataset: str, table: str) -> str:  # noqa: ARG002 - see Catalog
        """See `Catalog.relation`; TFRecord is turned into Parquet when it is first read."""
        if table not in self._made:
            self._made[table] = self._view(connection, table)
        return self._made[table]

    def digest(self, connection: Any, dataset: str, table: str) -> str:  # noqa: ARG002 - see Catalog
        """A digest of the files' places below the folder, and of their contents."""
        return " ".join(f"{self._below(file)}:{artifacts.digest(file)}" for file in self._files[table])

    def _below(self, file: Path) -> str:
        """A file's place below the folder: its partitions are columns of the table."""
        return file.relative_to(self._path if self._path.is_dir() else self._path.parent).as_posix()

    def translate_error(self, connection: Any, error: Exception) -> PipelineError | None:
        """The corrupt file behind an error, found by reading the files in use one by one."""
        if not isinstance(error, duckdb.InvalidInputException | duckdb.IOException):
            return None
        for table in self._made:
            for file in self._files[table]:
                self._read_through(connection, file)
        return None

    def _find(self) -> dict[str, list[Path]]:
        if self._path.is_file():
            places = [self._path]
        elif self._path.is_dir():
            places = sorted(self._path.iterdir())
        else:
            raise _nothing_there(self._path)
        tables: dict[str, list[Path]] = {}
        for place in places:
            files = sorted(place.rglob("*")) if place.is_dir() else [place]
            files = [file for file in files if _format(file) and not _is_hidden(file, self._path.parent)]
            if files:
                tables.setdefault(_table_name(place), []).extend(files)
        for name, files in tables.items():
            _check_format(self._path / name, files)
        if not tables:
            raise SourceError(
                f"the source folder {self._path}",
                expected=_EXPECTED,
                got=", ".join(place.name for place in places[:5]) or "an empty folder",
            )
        return tables

    def _view(self, connection: Any, table: str) -> str:
        files = self._files[table]
        view = f"{_SCHEMA}.{identifier(table)}"
        select = _converted(connection, files) if _format(files[0]) == "tfrecord" else self._scan(files)
        try:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}; CREATE VIEW {view} AS {select}")
        except duckdb.Error as error:
            for file in files:
                self._read_through(connection, file)
            raise _not_read(files[0] if len(files) == 1 else files[0].parent, error) from error
        if _format(files[0]) == "csv":
            _check_columns(connection.sql(f"FROM {view}").columns, files[0])
        return view

    def _scan(self, files: list[Path]) -> str:
        """SQL that reads Parquet or CSV files."""
        if _format(files[0]) == "parquet":
            return f"FROM read_parquet([{_quoted(files)}], union_by_name = true)"
        missing = ", ".join(_string(each) for each in self._csv_missing)
        return (
            f"FROM read_csv([{_quoted(files)}], union_by_name = true, header = true, "
            f"nullstr = [{missing}], sample_size = {_CSV_SAMPLE_ROWS}, "
            f"max_line_size = {_CSV_LINE_BYTES}, buffer_size = {_CSV_LINE_BYTES})"
        )

    def _read_through(self, connection: Any, file: Path) -> None:
        """Read every value of a file.

        Raises:
            UnreadableFileError: Naming the file.
        """
        if _format(file) == "tfrecord":
            return
        try:
            connection.sql(
                f"SELECT bit_xor(hash(each)) FROM ({self._scan([file])}) AS each"  # noqa: S608 - quoted
            ).fetchall()
        except duckdb.Error as error:
            raise _not_read(file, error) from error


class Bucket(Folder):
    """The tables of a folder in a bucket, of which only those that a query reads are fetched.

    Its objects are empty files where the connection spills, until a table is read: then its files
    are fetched, side by side.
    """

    def __init__(self, uri: str, csv_missing: Sequence[str]) -> None:
        super().__init__(uri, csv_missing)
        self._uri = uri.rstrip("/")
        self._objects: dict[Path, Any] = {}

    def names(self, connection: Any) -> list[tuple[str, str]]:
        """See `Catalog.names`."""
        self._path = _spill(connection) / "source" / self._uri.rpartition("/")[2]
        found = gcs_reading.objects_or_object(self._uri)
        if not found:
            raise _nothing_there(self._uri)
        self._objects = {self._path / name: each for name, each in found.items()}
        for path in self._objects:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        with self._named_as_given():
            return super().names(connection)

    def relation(self, connection: Any, dataset: str, table: str) -> str:
        """See `Catalog.relation`."""
        if table not in self._made:
            gcs_reading.fetch({path: self._objects[path] for path in self._files[table]})
        with self._named_as_given():
            return super().relation(connection, dataset, table)

    def digest(self, connection: Any, dataset: str, table: str) -> str:  # noqa: ARG002 - see Catalog
        """See `Folder.digest`; nothing is fetched."""
        content = {file: gcs_reading.checksum(self._objects[file]) for file in self._files[table]}
        return " ".join(
            f"{self._below(file)}:{artifacts.digest_of({'.': content[file]})}" for file in content
        )

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


def _spill(connection: Any) -> Path:
    """The folder where the connection spills."""
    return Path(connection.sql("SELECT current_setting('temp_directory')").fetchall()[0][0])


def _nothing_there(folder: object) -> SourceError:
    return SourceError(
        f"the source folder {folder}", expected="a folder", got="nothing there", remedy="Set source.uri."
    )


def _converted(connection: Any, files: list[Path]) -> str:
    """SQL that reads TFRecord files: turned into Parquet where the connection spills."""
    from components.shared.sources.duckdb.tfrecord import to_parquet

    spill = _spill(connection)
    spill.mkdir(parents=True, exist_ok=True)
    converted = to_parquet(files, Path(tempfile.mkdtemp(dir=spill)))
    columns = []
    for name in converted.columns:
        quoted = identifier(name)
        text = name in converted.text - converted.binary
        if name in converted.repeated:
            value = f"list_transform({quoted}, lambda each: decode(each))" if text else quoted
        else:
            value = f"decode({quoted}[1])" if text else f"{quoted}[1]"
        columns.append(f"{value} AS {quoted}")
    return (
        f"SELECT {', '.join(columns)} "  # noqa: S608 - quoted
        f"FROM read_parquet([{_quoted(converted.files)}], union_by_name = true)"
    )


def _quoted(files: list[Path]) -> str:
    return ", ".join(_string(glob.escape(str(file))) for file in files)


def _string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _not_read(file: Path, error: Exception) -> UnreadableFileError:
    expected = {"parquet": "a Parquet file", "csv": "a CSV file with a header"}
    said = " ".join(filter(None, str(error).splitlines()[:3]))
    return unreadable(file, expected.get(_format(file), "readable files"), " ".join(said.split()))


def _check_columns(columns: list[str], file: Path) -> None:
    """DuckDB takes lines of different widths for one wide column."""
    if len(columns) == 1 and re.search(r"[,;\t|]", columns[0]):
        header = f"lines of as many fields as its header '{columns[0]}'"
        raise unreadable(file, header, "lines of different widths")


def _check_format(place: Path, files: list[Path]) -> None:
    kinds = sorted({_format(file) for file in files})
    if len(kinds) > 1:
        raise SourceError(f"the table {place}", expected="files of one format", got=", ".join(kinds))


def _format(file: Path) -> str:
    name = file.name.lower()
    if _SHARD.search(name):
        return "tfrecord"
    return next((kind for suffix, kind in _FORMATS.items() if name.endswith(suffix)), "")


def _is_hidden(file: Path, root: Path) -> bool:
    """Beneath the root, a name that begins with a dot or an underscore."""
    return any(part.startswith((".", "_")) for part in file.relative_to(root).parts[1:])


def _table_name(place: Path) -> str:
    if place.is_file() and _SHARD.search(place.name.lower()):
        return _SHARD.sub("", place.name)
    suffixes = [suffix for suffix in _FORMATS if place.name.lower().endswith(suffix)]
    return place.name[: -len(max(suffixes, key=len))] if suffixes and place.is_file() else place.name
