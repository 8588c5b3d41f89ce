"""What lies on Cloud Storage, and how it comes here.

Every function raises `PlaceError` where the bucket is missing or closed to us, where an object that it needs
is not there or vanished meanwhile, and where one does not fit its checksum.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from components.shared.files.gcs.client import (
    AT_ONCE,
    blob,
    bucket_and_name,
    client,
    raise_first,
    translate_gcs_errors,
)
from configs.errors import PlaceError

CONTENT = "blake2b"
"""Where the metadata of every object of ours has the BLAKE2b of its content."""


def objects(uri: str) -> dict[str, Any]:
    """The objects below a folder, by their names relative to it, in the order of paths."""
    bucket, name = bucket_and_name(uri)
    prefix = f"{name}/" if name else ""
    with translate_gcs_errors(uri):
        found = list(client().list_blobs(bucket, prefix=prefix))
    named = {each.name[len(prefix) :]: each for each in found if not each.name.endswith("/")}
    return {relative: named[relative] for relative in sorted(named, key=PurePosixPath)}


def objects_or_object(uri: str, alone: str = "") -> dict[str, Any]:
    """The objects below a folder, or else the one object of this name, as `alone`; empty without any."""
    found = objects(uri)
    if not found and bucket_and_name(uri)[1] and (each := find(uri)):
        return {alone: each}
    return found


def find(uri: str) -> Any:
    """The object of this name, or None."""
    bucket, name = bucket_and_name(uri)
    with translate_gcs_errors(uri):
        return client().bucket(bucket).get_blob(name)


def check(uri: str) -> None:
    """Make sure that a place can be listed, before there is work to lose."""
    bucket, name = bucket_and_name(uri)
    with translate_gcs_errors(uri):
        next(iter(client().list_blobs(bucket, prefix=name, max_results=1)), None)


def read(uri: str) -> bytes:
    """The content of an object, checked against its checksum."""
    with translate_gcs_errors(uri):
        content: bytes = blob(uri).download_as_bytes()
    return content


def download(uri: str, folder: Path) -> None:
    """Copy all objects below a folder, side by side, each checked against its checksum.

    What was listed is what is copied: an object replaced meanwhile is an error, not a mixture.
    """
    found = _required(uri, objects(uri))
    fetch({folder / name: each for name, each in found.items()})


def fetch(wanted: Mapping[Path, Any]) -> None:
    """Copy objects to files, side by side; makes the folders."""
    from google.cloud.storage import transfer_manager

    for path in wanted:
        path.parent.mkdir(parents=True, exist_ok=True)
    pairs = [(each, str(path)) for path, each in wanted.items()]
    results = transfer_manager.download_many(pairs, worker_type=transfer_manager.THREAD, max_workers=AT_ONCE)
    raise_first(results, [f"gs://{each.bucket.name}/{each.name}" for each in wanted.values()])


def checksums(uri: str) -> dict[str, bytes]:
    """The checksum of each object below a folder by its name, or of the one object as `.`; see `checksum`."""
    found = _required(uri, objects_or_object(uri, alone="."))
    return {name: checksum(each) for name, each in found.items()}


def checksum(each: Any) -> bytes:
    """The BLAKE2b of an object that we wrote, else its size and the service's checksum, as bytes."""
    written = (each.metadata or {}).get(CONTENT)
    return bytes.fromhex(written) if written else f"{each.size} {each.md5_hash or each.crc32c}".encode()


def _required(uri: str, found: dict[str, Any]) -> dict[str, Any]:
    if not found:
        raise PlaceError(uri, expected="objects", got="none", remedy="Run again from the stage before.")
    return found
