"""Places on Cloud Storage that hold exactly what one writer put there.

The metadata of every object name the attempt that wrote it, so that an upload whose answer was lost is not
taken for another writer's.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from components.shared.files.gcs.client import AT_ONCE, blob, client, raise_first, translate_gcs_errors
from components.shared.files.gcs.reading import CONTENT, find, objects
from configs.errors import BusyError

_WRITER = "writer"
_BATCH = 100
"""Deletions in a request; the service's limit."""


def put(file: Path, uri: str) -> None:
    """Upload a file; the object appears whole, in the place of one that is there."""
    with translate_gcs_errors(uri):
        _put_on(blob(uri), file).upload_from_filename(str(file))


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
    ours = {name for name, each in there.items() if _writer_of(each) == writer}
    if set(there) != set(names) or ours != set(names):
        _delete(uri, [there[name] for name in last if name in ours])
        raise _busy(uri)


def copy(uri: str, to: str, names: Mapping[str, str]) -> None:
    """As `artifacts.copy_files`, within Cloud Storage: the service copies, top-level JSON comes last."""
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

    pairs = [(str(folder / name), _put_on(blob(f"{uri}/{name}"), folder / name, writer)) for name in names]
    results = transfer_manager.upload_many(
        pairs, skip_if_exists=True, worker_type=transfer_manager.THREAD, max_workers=AT_ONCE
    )
    for (_, each), result in zip(pairs, results, strict=True):
        if isinstance(result, PreconditionFailed) and not _is_by(each, writer):
            raise _busy(uri) from result
    settled = [None if isinstance(result, PreconditionFailed) else result for result in results]
    raise_first(settled, [f"{uri}/{name}" for name in names])


class OwnedObject:
    """An object that one writer replaces again and again, in one step each time.

    Every write names the generation that it replaces: the one this writer wrote or read last. A second
    writer is noticed by the one that comes too late.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._generation: int | None = None

    def read(self) -> bytes | None:
        """See `OwnedFile.read`."""
        each = find(self.uri)
        self._generation = int(each.generation) if each else 0
        if each is None:
            return None
        with translate_gcs_errors(self.uri):
            content: bytes = each.download_as_bytes()  # of this generation
        return content

    def write(self, content: bytes) -> None:
        """See `OwnedFile.write`."""
        from google.api_core.exceptions import PreconditionFailed

        if self._generation is None:
            there = find(self.uri)
            self._generation = int(there.generation) if there else 0
        writer = uuid.uuid4().hex
        each = blob(self.uri)
        each.metadata = {_WRITER: writer, CONTENT: hashlib.blake2b(content).hexdigest()}
        with translate_gcs_errors(self.uri):
            try:
                each.upload_from_string(content, if_generation_match=self._generation)
            except PreconditionFailed as error:
                if not _is_by(each, writer):
                    raise _busy(self.uri) from error
        self._generation = int(each.generation)

    def release(self) -> None:
        """Remove it.

        Raises:
            BusyError: Another one wrote or removed it since.
        """
        from google.api_core.exceptions import NotFound, PreconditionFailed

        with translate_gcs_errors(self.uri):
            try:
                blob(self.uri).delete(if_generation_match=self._generation)
            except (NotFound, PreconditionFailed) as error:
                raise _busy(self.uri) from error


def _put_on(each: Any, file: Path, writer: str = "") -> Any:
    """Write the metadata of a file onto the object that it will be."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "blake2b").hexdigest()
    each.metadata = {CONTENT: digest, **({_WRITER: writer} if writer else {})}
    return each


def _writer_of(each: Any) -> str:
    """The attempt that wrote an object; empty: not one of ours."""
    return str((each.metadata or {}).get(_WRITER, ""))


def _is_by(each: Any, writer: str) -> bool:
    """Whether the object that is there now was written by this attempt, whose answer got lost."""
    from google.api_core.exceptions import NotFound

    try:
        each.reload()
    except NotFound:
        return False
    return _writer_of(each) == writer


def _busy(uri: str) -> BusyError:
    return BusyError(
        uri,
        expected="to be its only writer",
        got="objects that another run writes there at the same time",
        remedy="Wait for that run to end, or cancel it, then run the same command again.",
    )
