"""What we write into the metadata of every object.

`blake2b` is the digest of its content, so that `digest` need not download it. `writer` names the attempt
that wrote it: a lost answer is told from another writer's object.
"""

import hashlib
from pathlib import Path
from typing import Any

from configs.errors import BusyError

CONTENT, WRITER = "blake2b", "writer"


def mark(each: Any) -> bytes:
    """What tells the content of an object; see `contents.marks`."""
    kept = (each.metadata or {}).get(CONTENT)
    return bytes.fromhex(kept) if kept else f"{each.size} {each.md5_hash or each.crc32c}".encode()


def put_on(each: Any, file: Path, writer: str = "") -> Any:
    """The object that a file will be, with its marks."""
    with file.open("rb") as content:
        told = hashlib.file_digest(content, "blake2b").hexdigest()
    each.metadata = {CONTENT: told, **({WRITER: writer} if writer else {})}
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
    """The error for a place that another one writes to."""
    return BusyError(
        uri,
        expected="to be its only writer",
        got="objects that another run writes there at the same time",
        remedy="Wait for that run to end, or cancel it, then run the same command again.",
    )
