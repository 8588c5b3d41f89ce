"""Artifacts as folders, here or on `gs://`: written under another name, moved into place, read by shards."""

import contextlib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.shared.files.place import AnyPlace, Place, scheme
from components.shared.files.storage import storage
from configs.rows import Part

Summary = Mapping[str, "int | float | str"]
"""What a stage says of its work: counts and figures, by name."""


def writing(out: Place) -> contextlib.AbstractContextManager[Path]:
    """A folder to fill; it becomes `out` at once when the block ends well, and vanishes otherwise.

    For a `gs://` place it is a folder of this machine, uploaded in the end, the JSON at its top last.

    Raises:
        BusyError: Another run writes to the same `gs://` place.
        PlaceError: Its bucket is missing or closed to us.
    """
    return storage(out).written(out)


def writing_in_place(out: Place) -> contextlib.AbstractContextManager[Place]:
    """As `writing`, for what workers on other machines write: on `gs://` it is the place itself.

    Write the JSON that says the rest is whole as the last thing in the block, by `write_json`.

    Raises:
        BusyError: Another run began to write to the same `gs://` place meanwhile.
        PlaceError: Its bucket is missing or closed to us.
    """
    return storage(out).written_in_place(out)


def writing_file(path: Place) -> contextlib.AbstractContextManager[Path]:
    """A file to write; it becomes `path` at once when the block ends well, and vanishes otherwise.

    It keeps the suffix, by which some libraries choose the format. For a `gs://` place it is a file of
    this machine, uploaded in the end.
    """
    return storage(path).written_file(path)


def copy_files(source: Place, folder: Place, names: Mapping[str, str]) -> None:
    """Make a folder hold exactly these files of another, each under its new name; JSON at its top comes last.

    Within Cloud Storage the service copies.

    Args:
        source: Where they are.
        folder: What holds them then, and nothing else.
        names: For each file its name there and its new name, relative to the folders.

    Raises:
        OSError, PlaceError: One is not there, or a place is closed to us.
    """
    same = scheme(source) == scheme(folder)
    with contextlib.nullcontext(source) if same else storage(source).local_copy(source) as here:
        storage(folder).copy(here, folder, names)


def write_json(path: Place, content: Any) -> None:
    """Write JSON in one step: a reader sees the old content or the new, never a half."""
    with writing_file(path) as staged:
        staged.write_bytes(as_json(content))


def as_json(content: Any) -> bytes:
    """Content as every JSON file of ours has it."""
    return (json.dumps(content, indent=2) + "\n").encode()


def read_json(path: Place) -> Any:
    """The content of a JSON file."""
    return json.loads(storage(path).read(path))


def shards(folder: AnyPlace, part: Part) -> list[AnyPlace]:
    """The Parquet shards of a split, or of the rows to score, in order."""
    names = storage(folder).files(folder / part)
    return [folder / part / name for name in names if "/" not in name and name.endswith(".parquet")]


def shard_path(folder: AnyPlace, part: Part, index: int) -> AnyPlace:
    """Where shard `index` of a split is written; makes the split's folder, where there are folders."""
    storage(folder).make_folder(folder / part)
    return folder / part / shard_name(index)


def shard_name(index: int) -> str:
    """The file name of shard `index`."""
    return f"part-{index:05d}.parquet"


def digest(path: Place) -> str:
    """BLAKE2b (16 bytes, hex) over the names and contents of a file or of a folder's files.

    The same wherever the content lies: objects that we wrote carry the digest of their content, so that
    nothing is downloaded. Others (BigQuery's exports) are identified by their size and checksum.
    """
    return digest_of(storage(path).checksums(path))


def digest_of(files: Mapping[str, bytes]) -> str:
    """The digest of files by name, each identified by the BLAKE2b of its content."""
    total = hashlib.blake2b(digest_size=16)
    for name, content in files.items():
        total.update(name.encode())
        total.update(content)
    return total.hexdigest()
