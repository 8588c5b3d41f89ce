"""Artifacts as folders: written beside and moved into place, read back shard by shard."""

import contextlib
import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from configs.settings import Split

Summary = Mapping[str, "int | float | str"]
"""What a stage says of its work: counts and figures, by name."""


@contextlib.contextmanager
def writing(out: Path) -> Iterator[Path]:
    """A folder to fill; it becomes `out` at once when the block ends well, and vanishes otherwise."""
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
def writing_file(path: Path) -> Iterator[Path]:
    """A file to write; it becomes `path` at once when the block ends well, and vanishes otherwise.

    It keeps the suffix, by which some libraries choose the format.
    """
    beside = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Write JSON in one step: a reader sees the old content or the new, never a half."""
    with writing_file(path) as beside:
        beside.write_text(json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text())


def shards(folder: Path, split: Split) -> list[Path]:
    """The Parquet shards of a split, in order."""
    return sorted((folder / split).glob("*.parquet"))


def shard_path(folder: Path, split: Split, index: int) -> Path:
    """Where shard `index` of a split is written; makes the split's folder."""
    (folder / split).mkdir(exist_ok=True)
    return folder / split / f"part-{index:05d}.parquet"


def digest(path: Path) -> str:
    """BLAKE2b (16 bytes, hex) over the names and contents of a file or of a folder's files."""
    total = hashlib.blake2b(digest_size=16)
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    for file in files:
        total.update(str(file.relative_to(path)).encode())
        with file.open("rb") as content:
            total.update(hashlib.file_digest(content, "blake2b").digest())
    return total.hexdigest()
