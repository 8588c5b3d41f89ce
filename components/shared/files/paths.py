"""Where things lie: a folder of this machine or `gs://`, used alike.

Rows are read where they lie. What a library wants as a real folder (a SavedModel, DuckDB's files) is read
through `local_copy`. What is written goes through `components.shared.files.artifacts`. Nothing of Google's is
imported before a `gs://` appears.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar, cast

from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs.client import blob
from configs.errors import PipelineError

_AT_ONCE = 16
_T = TypeVar("_T")


class Artifact(Protocol):
    """The part of a KFP artifact that says where it lies."""

    uri: str
    path: str


def place(uri: str) -> Path:
    """The place of a URI: a path for `file://` and paths; for `gs://` what is used like a path.

    The latter is a `UPath`: `/`, `name`, `parent`, `open("rb")`, `read_bytes`, `exists` work on it, and it
    can be sent to Beam's workers. To a library give it as a string, or through `local_copy`.
    """
    if uri.startswith("gs://"):
        from components.shared.files.gcs_path import BucketPath

        return cast("Path", BucketPath(uri))
    return Path(uri.removeprefix("file://"))


def artifact_path(artifact: Artifact) -> Path:
    """Where an artifact lies: its `gs://` URI, else its path.

    On Vertex AI the path of a `gs://` artifact lies below a mount that has no rename in one step, and that
    Dataflow's workers do not have.
    """
    return place(artifact.uri if artifact.uri.startswith("gs://") else artifact.path)


def is_remote(path: Path) -> bool:
    """Whether a place is a `gs://` one."""
    return not isinstance(path, Path)


@contextlib.contextmanager
def local_copy(folder: Path) -> Iterator[Path]:
    """The folder itself; of a `gs://` one, a copy that vanishes at the end of the block.

    Raises:
        PlaceError: Nothing is there, or the bucket is missing or closed to us.
    """
    if not is_remote(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="copy.") as beside:
        copy = Path(beside) / (folder.name or "bucket")
        gcs_reading.download(str(folder), copy)
        try:
            yield copy
        except PipelineError as error:  # of the copy: the place is what its reader knows
            raise error.replacing(str(copy), str(folder)) from error


def local_files(files: Sequence[Path], folder: Path) -> list[Path]:
    """The files themselves; of `gs://` ones, copies in `folder`, each checked against its checksum.

    Raises:
        PlaceError: One is not there, or the bucket is missing or closed to us.
    """
    if not any(map(is_remote, files)):
        return list(files)
    copies = {folder / file.name: blob(str(file)) for file in files}
    gcs_reading.fetch(copies)
    return list(copies)


def parallel_map(look: Callable[[Path], _T], places: Sequence[Path]) -> list[_T]:
    """What `look` returns for each place, in order; several at once where each is a journey to `gs://`."""
    if not any(map(is_remote, places)):
        return [look(each) for each in places]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(look, places))
