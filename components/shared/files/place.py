"""The Protocols of places: what a place is, and what the storage behind it can do."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

if TYPE_CHECKING:
    from components.shared.files.gcs_path import BucketPath

    Place = Path | BucketPath
else:
    Place = Path  # no annotation is checked at run time, and `gcs_path` brings fsspec
"""A folder or file of this machine or on Cloud Storage; only what both have is used.

It can be sent to Beam's workers. A library gets it as a string, or through `local_copy`.
"""
AnyPlace = TypeVar("AnyPlace", Path, "BucketPath", Place)
"""Of a local path comes a local path."""


class Artifact(Protocol):
    """The part of a KFP artifact that says where it lies."""

    uri: str
    path: str


class OwnedFile(Protocol):
    """A file that one writer replaces again and again, in one step each time."""

    def read(self) -> bytes | None:
        """The content, or None if there is none; from here on it is ours to replace."""

    def write(self, content: bytes) -> None:
        """Replace the content; makes the folder.

        Raises:
            BusyError: On `gs://`, another writer replaced it meanwhile.
        """


class MirroredFolder(Protocol):
    """A folder of this machine whose files are also at a place; `path` is the folder."""

    path: Path

    def pull(self) -> None:
        """Fetch what the place has."""

    def push(self) -> None:
        """Bring the place up to date, file by file; each is whole."""

    def remove(self) -> None:
        """Remove both."""


class Storage(Protocol):
    """What the storage behind a place can do. A `folder` need not exist unless it is read."""

    shared: bool
    """Whether other machines and Google Cloud's services reach it by its URI."""
    at_once: int
    """How many of its files are worth reading at the same time."""
    poll_seconds: float
    """How long to wait between two listings."""

    def files(self, folder: Place) -> list[str]:
        """The names of all files below a folder, relative to it, in the order of paths; none: empty."""

    def checksums(self, where: Place) -> Mapping[str, bytes]:
        """The checksum of each file below a folder by its name, or of the one file as `.`.

        They are equal for equal content wherever it lies, if we wrote it.

        Raises:
            PlaceError: On `gs://`, nothing is there.
        """

    def read(self, file: Place) -> bytes:
        """The content of a file, checked against its checksum where there is one.

        Raises:
            OSError: It is not there.
            PlaceError: On `gs://`, it is not there or damaged.
        """

    def opened(self, file: Place) -> contextlib.AbstractContextManager[Any]:
        """What pyarrow reads ranges of: a path, or a stream that does not read ahead."""

    def local_copy(self, folder: Place) -> contextlib.AbstractContextManager[Path]:
        """See `paths.local_copy`."""

    def local_files(self, files: Sequence[Place], folder: Path) -> list[Path]:
        """See `paths.local_files`."""

    def scratch(self, out: Place) -> contextlib.AbstractContextManager[Path]:
        """A folder of this machine with room for temporary files while `out` is made."""

    def written(self, out: Place) -> contextlib.AbstractContextManager[Path]:
        """See `artifacts.writing`."""

    def written_in_place(self, out: Place) -> contextlib.AbstractContextManager[Place]:
        """See `artifacts.writing_in_place`."""

    def written_file(self, file: Place) -> contextlib.AbstractContextManager[Path]:
        """See `artifacts.writing_file`."""

    def make_folder(self, folder: Place) -> None:
        """Make a folder and those above it, where there are folders."""

    def copy(self, source: Place, folder: Place, names: Mapping[str, str]) -> None:
        """Make `folder` hold exactly these files of `source`, each under its new name; JSON comes last.

        `source` is of the same storage, or of this machine.
        """

    def clear(self, folder: Place) -> None:
        """Remove a folder and all below it; nothing if it is not there."""

    def owned(self, file: Place) -> OwnedFile:
        """A file for one writer."""

    def mirrored(self, folder: Place) -> MirroredFolder:
        """A folder for a library that writes to this machine only."""


Scheme = Literal["file", "gs"]


def scheme(where: Place) -> Scheme:
    """The scheme of a place's URI."""
    return "gs" if str(where).startswith("gs://") else "file"
