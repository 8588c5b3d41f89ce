"""What we write into the metadata of every object.

`blake2b` is the digest of its content, so that `digest` need not download it. `writer` names the attempt
that wrote it, so that an upload whose answer was lost is not taken for another writer's.
"""

import hashlib
from pathlib import Path
from typing import Any

from configs.errors import BusyError

CONTENT, WRITER = "blake2b", "writer"


def checksum(each: Any) -> bytes:
    """The BLAKE2b of an object that we wrote, else its size and the service's checksum, as bytes."""
    written = (each.metadata or {}).get(CONTENT)
    return bytes.fromhex(written) if written else f"{each.size} {each.md5_hash or each.crc32c}".encode()


def put_on(each: Any, file: Path, writer: str = "") -> Any:
    """Write the metadata of a file onto the object that it will be."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "blake2b").hexdigest()
    each.metadata = {CONTENT: digest, **({WRITER: writer} if writer else {})}
    return each


def writer_of(each: Any) -> str:
    """The attempt that wrote an object; empty: not one of ours."""
    return str((each.metadata or {}).get(WRITER, ""))


def is_by(each: Any, writer: str) -> bool:
    """Whether the object that is there now was written by this attempt, whose answer got lost."""
    from google.api_core.exceptions import NotFound

    try:
        each.reload()
    except NotFound:
        return False
    return writer_of(each) == writer


def busy(uri: str) -> BusyError:
    """The error for a place that another run writes to."""
    return BusyError(
        uri,
        expected="to be its only writer",
        got="objects that another run writes there at the same time",
        remedy="Wait for that run to end, or cancel it, then run the same command again.",
    )
