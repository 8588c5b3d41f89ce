"""Cloud Storage through its own client: folders up and down, and objects that only one writer replaces.

Every object that is written here carries two marks in its metadata. `blake2b` is the digest of its
content, so that `digest` need not download it. `writer` names the attempt that wrote it: a lost answer is
told from another writer's object. Retries and resumable uploads are the client's own.
"""

import contextlib
import functools
import hashlib
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from typing import Any

from configs.errors import BusyError, PipelineError, PlaceError

AT_ONCE = 8
"""Transfers side by side."""
CONTENT, WRITER = "blake2b", "writer"
_BATCH = 100
"""Deletions in a request; the service's limit."""


def client() -> Any:
    """This process's client: application default credentials, or none against an emulator.

    Raises:
        PlaceError: There are no credentials.
    """
    with explained("Cloud Storage"):
        return _client(os.environ.get("STORAGE_EMULATOR_HOST", ""))


@functools.cache
def _client(emulator: str) -> Any:
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    if emulator:
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth
        return storage.Client(project="emulator", credentials=anonymous)
    return storage.Client(project=None)  # no bucket is made here


def bucket_and_name(uri: str) -> tuple[str, str]:
    """`gs://BUCKET/NAME` in two; the name is empty for a whole bucket.

    Raises:
        PlaceError: It is no such URI.
    """
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    if not uri.startswith("gs://") or not bucket:
        raise PlaceError(f"the place '{uri}'", expected="gs://BUCKET/NAME")
    return bucket, name.strip("/")


def blob(uri: str) -> Any:
    """The client's object for a URI; nothing is asked yet."""
    bucket, name = bucket_and_name(uri)
    return client().bucket(bucket).blob(name)


# --- reading ------------------------------------------------------------------------------------


def objects(uri: str) -> dict[str, Any]:
    """The objects below a folder, by their names relative to it, in the order of paths.

    Raises:
        PlaceError: The bucket is missing or closed to us.
    """
    bucket, name = bucket_and_name(uri)
    prefix = f"{name}/" if name else ""
    with explained(uri):
        found = list(client().list_blobs(bucket, prefix=prefix))
    named = {each.name[len(prefix) :]: each for each in found if not each.name.endswith("/")}
    return {relative: named[relative] for relative in sorted(named, key=PurePosixPath)}


def objects_or_object(uri: str, alone: str = "") -> dict[str, Any]:
    """The objects below a folder, or else the one object of this name, as `alone`; empty without any."""
    found = objects(uri)
    bucket, name = bucket_and_name(uri)
    if not found and name:
        with explained(uri):
            each = client().bucket(bucket).get_blob(name)
        return {alone: each} if each else {}
    return found


def check(uri: str) -> None:
    """Make sure that a place can be listed, before there is work to lose.

    Raises:
        PlaceError: The bucket is missing or closed to us.
    """
    bucket, name = bucket_and_name(uri)
    with explained(uri):
        next(iter(client().list_blobs(bucket, prefix=name, max_results=1)), None)


def read(uri: str) -> bytes:
    """The content of an object, checked against its checksum.

    Raises:
        PlaceError: It is not there.
    """
    with explained(uri):
        content: bytes = blob(uri).download_as_bytes()
    return content


def download(uri: str, folder: Path) -> None:
    """Copy all objects below a folder, side by side, each checked against its checksum.

    What was listed is what is copied: an object replaced meanwhile is an error, not a mixture.

    Raises:
        PlaceError: Nothing is there, or an object vanished meanwhile.
    """
    found = objects(uri)
    if not found:
        raise PlaceError(uri, expected="objects", got="none", way_out="Run again from the stage before.")
    fetch({folder / name: each for name, each in found.items()})


def fetch(wanted: Mapping[Path, Any]) -> None:
    """Copy objects to files, side by side; makes the folders.

    Raises:
        PlaceError: An object vanished meanwhile, or does not fit its checksum.
    """
    from google.cloud.storage import transfer_manager

    for path in wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
    pairs = [(each, str(path)) for path, each in wanted.items()]
    results = transfer_manager.download_many(pairs, worker_type=transfer_manager.THREAD, max_workers=AT_ONCE)
    _raise_first(results, [f"gs://{each.bucket.name}/{each.name}" for each in wanted.values()])


def content_marks(uri: str) -> dict[str, bytes]:
    """What tells the content of each object below a folder, or of the one object, without reading it.

    The BLAKE2b digest where we wrote the object; else size and checksum, as bytes.
    """
    found = objects_or_object(uri, alone=".")
    if not found:
        raise PlaceError(uri, expected="objects", got="none", way_out="Run again from the stage before.")
    return {name: mark(each) for name, each in found.items()}


def mark(each: Any) -> bytes:
    """What tells the content of an object; see `content_marks`."""
    kept = (each.metadata or {}).get(CONTENT)
    return bytes.fromhex(kept) if kept else f"{each.size} {each.md5_hash or each.crc32c}".encode()


# --- writing ------------------------------------------------------------------------------------


def put(file: Path, uri: str) -> None:
    """Upload a file; the object appears whole, in the place of one that is there."""
    with explained(uri):
        _marked(blob(uri), file).upload_from_filename(str(file))


def clear(uri: str) -> None:
    """Remove all objects below a folder: the JSON at its top first, since that says the rest is whole."""
    found = objects(uri)
    markers = set(_markers(list(found)))
    for some in ([found[name] for name in markers], [each for n, each in found.items() if n not in markers]):
        _delete(uri, some)


def _delete(uri: str, blobs: Sequence[Any]) -> None:
    with explained(uri):
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
    ours = {name for name, each in there.items() if _writer(each) == writer}
    if set(there) != set(names) or ours != set(names):
        _delete(uri, [there[name] for name in last if name in ours])
        raise _busy(uri)


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
    with explained(uri):
        token: str | None = ""
        while token is not None:  # a large object takes more than one call
            token, _, _ = target.rewrite(source, token=token or None, retry=DEFAULT_RETRY)


def _markers(names: Sequence[str]) -> list[str]:
    """The JSON files at the top of a folder: they say that the rest is whole."""
    return [name for name in names if "/" not in name and name.endswith(".json")]


def _send(folder: Path, names: Sequence[str], uri: str, writer: str) -> None:
    from google.api_core.exceptions import PreconditionFailed
    from google.cloud.storage import transfer_manager

    pairs = [(str(folder / name), _marked(blob(f"{uri}/{name}"), folder / name, writer)) for name in names]
    results = transfer_manager.upload_many(
        pairs, skip_if_exists=True, worker_type=transfer_manager.THREAD, max_workers=AT_ONCE
    )
    for (_, each), result in zip(pairs, results, strict=True):
        if isinstance(result, PreconditionFailed) and not _is_by(each, writer):
            raise _busy(uri) from result
    settled = [None if isinstance(result, PreconditionFailed) else result for result in results]
    _raise_first(settled, [f"{uri}/{name}" for name in names])


class Held:
    """An object that one writer replaces again and again, in one step each time.

    Every write names the generation that it replaces: the one this writer wrote or read last. A second
    writer is noticed by the one that comes too late.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._generation: int | None = None

    def read(self) -> bytes | None:
        """The content, or None if there is none; from here on it is ours to replace."""
        each = self._there()
        self._generation = int(each.generation) if each else 0
        if each is None:
            return None
        with explained(self.uri):
            content: bytes = each.download_as_bytes()  # of this generation
        return content

    def write(self, content: bytes) -> None:
        """Replace it.

        Raises:
            BusyError: Another one wrote it since.
        """
        from google.api_core.exceptions import PreconditionFailed

        if self._generation is None:
            there = self._there()
            self._generation = int(there.generation) if there else 0
        writer = uuid.uuid4().hex
        each = blob(self.uri)
        each.metadata = {WRITER: writer, CONTENT: hashlib.blake2b(content).hexdigest()}
        with explained(self.uri):
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

        with explained(self.uri):
            try:
                blob(self.uri).delete(if_generation_match=self._generation)
            except (NotFound, PreconditionFailed) as error:
                raise _busy(self.uri) from error

    def _there(self) -> Any:
        bucket, name = bucket_and_name(self.uri)
        with explained(self.uri):
            return client().bucket(bucket).get_blob(name)


def _marked(each: Any, file: Path, writer: str = "") -> Any:
    with file.open("rb") as content:
        mark = hashlib.file_digest(content, "blake2b").hexdigest()
    each.metadata = {CONTENT: mark, **({WRITER: writer} if writer else {})}
    return each


def _writer(each: Any) -> str:
    return str((each.metadata or {}).get(WRITER, ""))


def _is_by(each: Any, writer: str) -> bool:
    """Whether the object that is there now was written by this attempt, whose answer got lost."""
    from google.api_core.exceptions import NotFound

    try:
        each.reload()
    except NotFound:
        return False
    return _writer(each) == writer


def _busy(uri: str) -> BusyError:
    return BusyError(
        uri,
        expected="to be its only writer",
        got="objects that another run writes there at the same time",
        way_out="Wait for that run to end, or cancel it, then run the same command again.",
    )


# --- errors -------------------------------------------------------------------------------------


def _raise_first(results: Sequence[Any], uris: Sequence[str]) -> None:
    for result, uri in zip(results, uris, strict=True):
        if isinstance(result, Exception):
            with explained(uri):
                raise result


@contextlib.contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn what the client raises for a place into an error that says how to mend it.

    Raises:
        PlaceError: Missing, closed, unreachable or damaged.
    """
    from google.api_core.exceptions import GoogleAPICallError, RetryError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption
    from requests.exceptions import RequestException

    try:
        yield
    except (GoogleAPICallError, RetryError, GoogleAuthError, DataCorruption, RequestException) as error:
        raise _explanation(uri, error) from error


def _explanation(uri: str, error: Exception) -> PipelineError:
    from google.api_core.exceptions import Forbidden, NotFound
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.storage.exceptions import DataCorruption

    got = str(error).splitlines()[0]
    bucket = uri.removeprefix("gs://").partition("/")[0]
    if isinstance(error, NotFound) and not _exists(bucket):
        return PlaceError(
            uri,
            expected=f"a bucket '{bucket}'",
            got="none",
            way_out=f"Make it: gcloud storage buckets create gs://{bucket} --location=REGION "
            "--uniform-bucket-level-access",
        )
    if isinstance(error, NotFound):
        way_out = "It was there, or should be: run again from the stage that writes it."
        return PlaceError(uri, expected="an object", got="none", way_out=way_out)
    if isinstance(error, Forbidden):
        return PlaceError(
            uri,
            expected="the right to read and write",
            got=got,
            way_out=f"Grant it: gcloud storage buckets add-iam-policy-binding gs://{bucket} "
            "--member=serviceAccount:ACCOUNT --role=roles/storage.objectAdmin",
        )
    if isinstance(error, GoogleAuthError):
        way_out = "Log in: gcloud auth application-default login"
        return PlaceError(uri, expected="credentials for Google Cloud", got=got, way_out=way_out)
    expected = "content that fits its checksum" if isinstance(error, DataCorruption) else "an answer"
    return PlaceError(uri, expected=expected, got=got, way_out="Run the same command again.")


def _exists(bucket: str) -> bool:
    """Whether a bucket is there, or we may not know."""
    from google.api_core.exceptions import GoogleAPICallError

    try:
        return bool(client().bucket(bucket).exists())
    except GoogleAPICallError:
        return True
