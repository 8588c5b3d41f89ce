"""Where things lie: a folder of this machine or `gs://`, used alike.

A `Place` is a `pathlib.Path`, or a path on Cloud Storage that has the same methods. What the two do
differently (listing, publishing a folder, checksums) is a `Storage` with one adapter for each, chosen by the
scheme of the URI. Rows are read where they lie. What a library wants as a real folder (a SavedModel, DuckDB's
files) is read through `local_copy`. What is written goes through `components.shared.files.artifacts`.
Nothing of Google's is imported before a `gs://` appears.
"""

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from components.shared.files.place import AnyPlace, Artifact, Place
from components.shared.files.storage import storage

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def place(uri: str) -> Place:
    """The place of a URI: a `pathlib.Path` for `file://` and paths, a `BucketPath` for `gs://`."""
    if uri.startswith("gs://"):
        from components.shared.files.gcs_path import BucketPath

        return BucketPath(uri)
    return Path(uri.removeprefix("file://"))


def artifact_path(artifact: Artifact) -> Place:
    """Where an artifact lies: its `gs://` URI, else its path.

    On Vertex AI the path of a `gs://` artifact lies below a mount that has no rename in one step, and that
    Dataflow's workers do not have.
    """
    return place(artifact.uri if artifact.uri.startswith("gs://") else artifact.path)


def local_copy(folder: Place) -> contextlib.AbstractContextManager[Path]:
    """The folder itself; of a `gs://` one, a copy that vanishes at the end of the block.

    Raises:
        PlaceError: Nothing is there, or the bucket is missing or closed to us.
    """
    return storage(folder).local_copy(folder)


def local_files(files: Sequence[Place], folder: Path) -> list[Path]:
    """The files themselves; of `gs://` ones, copies in `folder`, each checked against its checksum.

    Raises:
        PlaceError: One is not there, or the bucket is missing or closed to us.
    """
    return storage(files[0]).local_files(files, folder) if files else []


def map_places(function: Callable[[AnyPlace], _Result], places: Sequence[AnyPlace]) -> list[_Result]:
    """What `function` returns for each place, in order; several at once where each is a request."""
    return parallel_map(function, places, max((storage(each).at_once for each in places), default=1))


def parallel_map(
    function: Callable[[_Item], _Result], items: Sequence[_Item], at_once: int = 16
) -> list[_Result]:
    """What `function` returns for each item, in order, by `at_once` threads."""
    if at_once == 1:
        return [function(each) for each in items]
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(function, items))
