"""The shards of a split, a few at a time: few enough for any disk, wherever they lie."""

import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from components.shared.files.artifacts import shards
from components.shared.files.paths import local_files, parallel_map
from components.shared.files.place import Place
from configs.errors import UnreadableFileError
from configs.rows import Split


def shard_groups(rows: Place, split: Split, group_bytes: int) -> list[list[Place]]:
    """The shards of a split, in order, in groups of at most so many bytes, or of one shard.

    Raises:
        UnreadableFileError: A shard vanished.
    """
    files = shards(rows, split)
    groups: list[list[Place]] = []
    room = 0
    for file, size in zip(files, parallel_map(_size, files), strict=True):
        if size > room:
            groups.append([])
            room = max(group_bytes, size)
        groups[-1].append(file)
        room -= size
    return groups


def local_groups(groups: Sequence[Sequence[Place]], scratch: Path) -> Iterator[list[Path]]:
    """Each group as files of this machine: the shards themselves, or copies in the folder `scratch`.

    While one group is read the next is fetched; no more than these two are there.
    """

    def fetch(index: int) -> list[Path]:
        return local_files(groups[index], scratch / str(index)) if index < len(groups) else []

    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(fetch, 0)
        for index in range(len(groups)):
            files, following = following.result(), pool.submit(fetch, index + 1)
            yield files
            shutil.rmtree(scratch / str(index), ignore_errors=True)


def _size(file: Place) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError as error:
        remedy = "Run again from `ingest`."
        raise UnreadableFileError(str(file), expected="a shard", got="nothing", remedy=remedy) from error
