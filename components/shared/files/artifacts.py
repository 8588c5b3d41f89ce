"""Artifacts as folders, here or on `gs://`: written beside and moved into place, read back shard by shard.

A place on `gs://` has no rename in one step. There a folder is whole once the JSON at its top is there,
which comes last; an object appears whole by itself.
"""

import contextlib
import hashlib
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.gcs.owned_object import Held
from components.shared.files.paths import is_remote
from configs.errors import PipelineError
from configs.rows import Part

Summary = Mapping[str, "int | float | str"]
"""What a stage says of its work: counts and figures, by name."""


@contextlib.contextmanager
def writing(out: Path) -> Iterator[Path]:
    """A folder to fill; it becomes `out` at once when the block ends well, and vanishes otherwise.

    For a `gs://` place it is a folder of this machine, uploaded in the end.

    Raises:
        BusyError: Another one writes to the same `gs://` place.
        PlaceError: Its bucket is missing or closed to us.
    """
    if is_remote(out):
        gcs_reading.check(str(out))
        with tempfile.TemporaryDirectory(prefix=f"{out.name}.") as folder:
            yield Path(folder)
            gcs_writing.publish(Path(folder), str(out))
        return
    beside = out.with_name(f".{out.name}.{uuid.uuid4().hex[:8]}")
    beside.mkdir(parents=True)
    try:
        yield beside
        if out.exists():
            shutil.rmtree(out)
        beside.replace(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextlib.contextmanager
def writing_in_place(out: Path) -> Iterator[Path]:
    """As `writing`, for what workers elsewhere write: they are given the `gs://` place itself.

    Write the JSON that says the rest is whole as the last thing in the block, by `write_json`.

    Raises:
        BusyError: Another one began to write to the same `gs://` place meanwhile.
        PlaceError: Its bucket is missing or closed to us.
    """
    if not is_remote(out):
        with writing(out) as beside:
            yield beside
        return
    gcs_writing.clear(str(out))
    claim = Held(str(out / ".writer"))
    claim.write(b"")
    try:
        yield out
    except BaseException:
        with contextlib.suppress(PipelineError):  # the first error is the one to tell
            gcs_writing.clear(str(out))
        raise
    claim.release()


@contextlib.contextmanager
def writing_file(path: Path) -> Iterator[Path]:
    """A file to write; it becomes `path` at once when the block ends well, and vanishes otherwise.

    It keeps the suffix, by which some libraries choose the format. For a `gs://` place it is a file of
    this machine, uploaded in the end.
    """
    if is_remote(path):
        with tempfile.TemporaryDirectory(prefix="file.") as folder:
            yield Path(folder) / path.name
            gcs_writing.put(Path(folder) / path.name, str(path))
        return
    beside = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one step: a reader sees the old content or the new, never a half."""
    with writing_file(path) as beside:
        beside.write_text(_json(content))


class Replaced:
    """A JSON file that one writer replaces again and again, in one step each time.

    On `gs://` a second writer is noticed by the one that comes too late; see `Held`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held = Held(str(path)) if is_remote(path) else None

    def write_json(self, content: Any) -> None:
        """Replace the content; makes the folder.

        Raises:
            BusyError: On `gs://`, another one wrote it since.
        """
        if self._held:
            self._held.write(_json(content).encode())
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, content)


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(gcs_reading.read(str(path)) if is_remote(path) else path.read_text())


def shards(folder: Path, part: Part) -> list[Path]:
    """The Parquet shards of a split, or of the rows to score, in order."""
    if is_remote(folder):
        names = gcs_reading.objects(str(folder / part))
        return [folder / part / name for name in names if "/" not in name and name.endswith(".parquet")]
    return sorted((folder / part).glob("*.parquet"))


def shard_path(folder: Path, part: Part, index: int) -> Path:
    """Where shard `index` of a split is written; makes the split's folder, where there are folders."""
    if not is_remote(folder):
        (folder / part).mkdir(parents=True, exist_ok=True)
    return folder / part / shard_name(index)


def shard_name(index: int) -> str:
    """The file name of shard `index`."""
    return f"part-{index:05d}.parquet"


def digest(path: Path) -> str:
    """BLAKE2b (16 bytes, hex) over the names and contents of a file or of a folder's files.

    The same wherever the content lies: objects that were written here carry the digest of their content,
    so that nothing is downloaded. Others (BigQuery's exports) are told by their size and checksum.
    """
    return digest_of(gcs_reading.marks(str(path)) if is_remote(path) else _contents(path))


def digest_of(files: Mapping[str, bytes]) -> str:
    """The digest of files by name, each told by the BLAKE2b of its content."""
    total = hashlib.blake2b(digest_size=16)
    for name, content in files.items():
        total.update(name.encode())
        total.update(content)
    return total.hexdigest()


def _contents(path: Path) -> dict[str, bytes]:
    found = {}
    for file in [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file()):
        with file.open("rb") as content:
            found[str(file.relative_to(path))] = hashlib.file_digest(content, "blake2b").digest()
    return found


def _json(content: Any) -> str:
    return json.dumps(content, indent=2) + "\n"
