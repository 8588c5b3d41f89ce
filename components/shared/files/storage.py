"""The storage of a place: one adapter for folders of this machine, one for Cloud Storage.

What the methods promise is in `place.Storage`. On Cloud Storage there is no rename in one step: a folder is
whole once the JSON at its top is there, which comes last; an object appears whole by itself.
"""

import contextlib
import functools
import hashlib
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.files.gcs import reading, writing
from components.shared.files.gcs.client import blob
from components.shared.files.place import Place, Scheme, Storage, scheme
from configs.errors import PipelineError


def storage(where: Place) -> Storage:
    """The storage of a place, chosen by the scheme of its URI."""
    return _adapters()[scheme(where)]


@functools.cache
def _adapters() -> Mapping[Scheme, Storage]:
    return {"file": _FolderStorage(), "gs": _BucketStorage()}


class _FolderStorage:
    """Folders of this machine; a rename puts what was written into place in one step."""

    shared, at_once, poll_seconds = False, 1, 0.5

    def files(self, folder: Place) -> list[str]:
        path = _path(folder)  # a link that leads nowhere is a file, so that whoever reads it learns of it
        return [each.relative_to(path).as_posix() for each in sorted(path.rglob("*")) if not each.is_dir()]

    def checksums(self, where: Place) -> Mapping[str, bytes]:
        path, found = _path(where), {}
        for file in [path] if path.is_file() else sorted(filter(Path.is_file, path.rglob("*"))):
            with file.open("rb") as content:
                found[file.relative_to(path).as_posix()] = hashlib.file_digest(content, "blake2b").digest()
        return found

    def read(self, file: Place) -> bytes:
        return file.read_bytes()

    def opened(self, file: Place) -> contextlib.AbstractContextManager[Path]:
        return contextlib.nullcontext(_path(file))

    local_copy = opened

    def local_files(self, files: Sequence[Place], folder: Path) -> list[Path]:  # noqa: ARG002 - of the Protocol
        return [_path(file) for file in files]

    @contextlib.contextmanager
    def scratch(self, out: Place) -> Iterator[Path]:
        """A folder next to `out`, on the disk that has room for it."""
        self.make_folder(out.parent)
        with tempfile.TemporaryDirectory(prefix=".scratch.", dir=_path(out.parent)) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def written(self, out: Place) -> Iterator[Path]:
        """Filled under another name, then renamed."""
        path = _path(out)
        staged = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        staged.mkdir(parents=True)
        try:
            yield staged
            if path.exists():
                shutil.rmtree(path)
            staged.replace(path)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

    written_in_place = written

    @contextlib.contextmanager
    def written_file(self, file: Place) -> Iterator[Path]:
        path = _path(file)
        staged = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
        try:
            yield staged
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)

    def make_folder(self, folder: Place) -> None:
        _path(folder).mkdir(parents=True, exist_ok=True)

    def copy(self, source: Place, folder: Place, names: Mapping[str, str]) -> None:
        with self.written(folder) as staged:
            _copy_into(staged, source, names)

    def clear(self, folder: Place) -> None:
        shutil.rmtree(_path(folder), ignore_errors=True)

    def owned(self, file: Place) -> "_OwnedFile":
        return _OwnedFile(self, file)

    def mirrored(self, folder: Place) -> "_Itself":
        return _Itself(_path(folder))


@dataclass(frozen=True)
class _OwnedFile:
    """A file of this machine, where a second writer is not noticed."""

    storage: _FolderStorage
    file: Place

    def read(self) -> bytes | None:
        return self.file.read_bytes() if self.file.exists() else None

    def write(self, content: bytes) -> None:
        self.storage.make_folder(self.file.parent)
        with self.storage.written_file(self.file) as staged:
            staged.write_bytes(content)


@dataclass
class _Itself:
    """A folder of this machine as its own mirror."""

    path: Path

    def pull(self) -> None:
        """The files are there."""

    push = pull

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class _BucketStorage:
    """Folders in buckets, as the client of Cloud Storage sees them."""

    shared, at_once, poll_seconds = True, 16, 5.0

    def files(self, folder: Place) -> list[str]:
        return list(reading.objects(str(folder)))

    def checksums(self, where: Place) -> Mapping[str, bytes]:
        """Nothing is downloaded; other writers' objects have the service's sums."""
        return reading.checksums(str(where))

    def read(self, file: Place) -> bytes:
        return reading.read(str(file))

    def opened(self, file: Place) -> contextlib.AbstractContextManager[Any]:
        """Without gcsfs' own cache, with which 20 columns cost 1.4 times the file."""
        from components.shared.files.gcs_path import BucketPath

        stream: contextlib.AbstractContextManager[Any] = BucketPath(str(file)).open("rb", cache_type="none")
        return stream

    @contextlib.contextmanager
    def local_copy(self, folder: Place) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="copy.") as temporary:
            copy = Path(temporary) / (folder.name or "bucket")
            reading.download(str(folder), copy)
            try:
                yield copy
            except PipelineError as error:  # of the copy: the place is what its reader knows
                raise error.replacing(str(copy), str(folder)) from error

    def local_files(self, files: Sequence[Place], folder: Path) -> list[Path]:
        copies = {folder / file.name: blob(str(file)) for file in files}
        reading.fetch(copies)
        return list(copies)

    @contextlib.contextmanager
    def scratch(self, out: Place) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=f"{out.name}.") as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def written(self, out: Place) -> Iterator[Path]:
        """A folder of this machine, uploaded in the end."""
        reading.check(str(out))
        with self.scratch(out) as folder:
            yield folder
            writing.publish(folder, str(out))

    @contextlib.contextmanager
    def written_in_place(self, out: Place) -> Iterator[Place]:
        """The place itself, where an object of ours shows whether another one began meanwhile."""
        writing.clear(str(out))
        claim = writing.OwnedObject(str(out / ".writer"))
        claim.write(b"")
        try:
            yield out
        except BaseException:
            with contextlib.suppress(PipelineError):  # the first error is the one to raise
                writing.clear(str(out))
            raise
        claim.release()

    @contextlib.contextmanager
    def written_file(self, file: Place) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="file.") as folder:
            yield Path(folder) / file.name
            writing.put(Path(folder) / file.name, str(file))

    def make_folder(self, folder: Place) -> None:
        """A bucket has no folders."""

    def copy(self, source: Place, folder: Place, names: Mapping[str, str]) -> None:
        """From a bucket the service copies, from this machine files are uploaded."""
        if scheme(source) == "gs":
            writing.copy(str(source), str(folder), names)
            return
        with self.written(folder) as staged:
            _copy_into(staged, source, names)

    def clear(self, folder: Place) -> None:
        writing.clear(str(folder))

    def owned(self, file: Place) -> writing.OwnedObject:
        return writing.OwnedObject(str(file))

    def mirrored(self, folder: Place) -> "_Mirror":
        return _Mirror(str(folder))


class _Mirror:
    """A temporary folder with the objects of a folder."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        here = tempfile.mkdtemp(prefix="mirror.")
        self._forget = weakref.finalize(self, shutil.rmtree, here, ignore_errors=True)
        self.path = Path(here) / uri.rpartition("/")[2]

    def pull(self) -> None:
        if reading.objects(self._uri):
            reading.download(self._uri, self.path)

    def push(self) -> None:
        for file in sorted(path for path in self.path.rglob("*") if path.is_file()):
            writing.put(file, f"{self._uri}/{file.relative_to(self.path).as_posix()}")

    def remove(self) -> None:
        writing.clear(self._uri)
        self._forget()


def _copy_into(staged: Path, source: Place, names: Mapping[str, str]) -> None:
    for name, new in names.items():
        (staged / new).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(source / name), staged / new)


def _path(where: Place) -> Path:
    return Path(str(where))
