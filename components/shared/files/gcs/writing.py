"""Places on Cloud Storage that hold exactly what one writer put there."""

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from components.shared.files.gcs.client import AT_ONCE, blob, client, raise_first, translate_gcs_errors
from components.shared.files.gcs.metadata import busy, is_by, put_on, writer_of
from components.shared.files.gcs.reading import objects

_BATCH = 100
"""Deletions in a request; the service's limit."""


def put(file: Path, uri: str) -> None:
    """Upload a file; the object appears whole, in the place of one that is there."""
    with translate_gcs_errors(uri):
        put_on(blob(uri), file).upload_from_filename(str(file))


def clear(uri: str) -> None:
    """Remove all objects below a folder: the JSON at its top first, since that says the rest is whole."""
    found = objects(uri)
    markers = set(_markers(list(found)))
    for some in ([found[name] for name in markers], [each for n, each in found.items() if n not in markers]):
        _delete(uri, some)


def _delete(uri: str, blobs: Sequence[Any]) -> None:
    with translate_gcs_errors(uri):
        for start in range(0, len(blobs), _BATCH):
            part = blobs[start : start + _BATCH]
            # Whatever another one removed meanwhile is as gone as we want it.
            client().bucket(blobs[0].bucket.name).delete_blobs(part, on_error=lambda _: None)


def publish(folder: Path, uri: str) -> None:
    """Make a place hold exactly the files of a folder; the JSON files at its top come last.

    No object is replaced, and at the end all of them must be ours: of two that publish to one place
    at once, at most one succeeds, and a place whose top-level JSON is there is whole.

    Raises:
        BusyError: Another one writes there.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    last = _markers(names)
    writer = uuid.uuid4().hex
    clear(uri)
    _send(folder, [name for name in names if name not in last], uri, writer)
    _send(folder, last, uri, writer)
    there = objects(uri)
    ours = {name for name, each in there.items() if writer_of(each) == writer}
    if set(there) != set(names) or ours != set(names):
        _delete(uri, [there[name] for name in last if name in ours])
        raise busy(uri)


def copy(uri: str, to: str, names: Mapping[str, str]) -> None:
    """Make a place hold exactly these objects of another; the service copies, top-level JSON comes last.

    Args:
        uri: The folder where they are.
        to: The folder that will hold them, and nothing else.
        names: For each object its name there and its new name.

    Raises:
        PlaceError: One is not there, or a bucket is missing or closed to us.
    """
    clear(to)
    last = set(_markers(list(names.values())))
    for some in ((n for n in names if names[n] not in last), (n for n in names if names[n] in last)):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda name: _copy_one(f"{uri}/{name}", f"{to}/{names[name]}"), some))


def _copy_one(uri: str, to: str) -> None:
    from google.cloud.storage.retry import DEFAULT_RETRY

    source, target = blob(uri), blob(to)
    with translate_gcs_errors(uri):
        token: str | None = ""
        while token is not None:  # a large object takes more than one call
            token, _, _ = target.rewrite(source, token=token or None, retry=DEFAULT_RETRY)


def _markers(names: Sequence[str]) -> list[str]:
    """The JSON files at the top of a folder: they say that the rest is whole."""
    return [name for name in names if "/" not in name and name.endswith(".json")]


def _send(folder: Path, names: Sequence[str], uri: str, writer: str) -> None:
    from google.api_core.exceptions import PreconditionFailed
    from google.cloud.storage import transfer_manager

    pairs = [(str(folder / name), put_on(blob(f"{uri}/{name}"), folder / name, writer)) for name in names]
    results = transfer_manager.upload_many(
        pairs, skip_if_exists=True, worker_type=transfer_manager.THREAD, max_workers=AT_ONCE
    )
    for (_, each), result in zip(pairs, results, strict=True):
        if isinstance(result, PreconditionFailed) and not is_by(each, writer):
            raise busy(uri) from result
    settled = [None if isinstance(result, PreconditionFailed) else result for result in results]
    raise_first(settled, [f"{uri}/{name}" for name in names])
