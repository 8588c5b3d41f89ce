"""Places on Cloud Storage: the adapter of `Storage` for buckets.

There is no rename in one step. A folder is whole once the JSON at its top is there, which comes last; an
object appears whole by itself.
"""

import contextlib
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.shared.files.gcs import reading, writing
from components.shared.files.gcs.client import blob
from components.shared.files.gcs.owned_object import OwnedObject
from components.shared.files.place import Place, scheme
from configs.errors import PipelineError


class BucketStorage:
    """Folders in buckets, as the client of Cloud Storage sees them."""

    shared, at_once, poll_seconds = True, 16, 5.0

    def files(self, folder: Place) -> list[str]:
        """See `Storage.files`."""
        return list(reading.objects(str(folder)))

    def checksums(self, where: Place) -> Mapping[str, bytes]:
        """See `Storage.checksums`: nothing is downloaded, other writers' objects have the service's sums."""
        return reading.checksums(str(where))

    def read(self, file: Place) -> bytes:
        """See `Storage.read`."""
        return reading.read(str(file))

    def opened(self, file: Place) -> contextlib.AbstractContextManager[Any]:
        """See `Storage.opened`: with gcsfs' own cache, 20 columns cost 1.4 times the file."""
        from components.shared.files.gcs_path import BucketPath

        stream: contextlib.AbstractContextManager[Any] = BucketPath(str(file)).open("rb", cache_type="none")
        return stream

    @contextlib.contextmanager
    def local_copy(self, folder: Place) -> Iterator[Path]:
        """See `Storage.local_copy`."""
        with tempfile.TemporaryDirectory(prefix="copy.") as temporary:
            copy = Path(temporary) / (folder.name or "bucket")
            reading.download(str(folder), copy)
            try:
                yield copy
            except PipelineError as error:  # of the copy: the place is what its reader knows
                raise error.replacing(str(copy), str(folder)) from error

    def local_files(self, files: Sequence[Place], folder: Path) -> list[Path]:
        """See `Storage.local_files`."""
        copies = {folder / file.name: blob(str(file)) for file in files}
        reading.fetch(copies)
        return list(copies)

    @contextlib.contextmanager
    def scratch(self, out: Place) -> Iterator[Path]:
        """In the system's folder of temporary files."""
        with tempfile.TemporaryDirectory(prefix=f"{out.name}.") as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def written(self, out: Place) -> Iterator[Path]:
        """See `Storage.written`: a folder of this machine, uploaded in the end."""
        reading.check(str(out))
        with tempfile.TemporaryDirectory(prefix=f"{out.name}.") as folder:
            yield Path(folder)
            writing.publish(Path(folder), str(out))

    @contextlib.contextmanager
    def written_in_place(self, out: Place) -> Iterator[Place]:
        """See `Storage.written_in_place`: an object of ours shows whether another one began meanwhile."""
        writing.clear(str(out))
        claim = OwnedObject(str(out / ".writer"))
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
        """See `Storage.written_file`."""
        with tempfile.TemporaryDirectory(prefix="file.") as folder:
            yield Path(folder) / file.name
            writing.put(Path(folder) / file.name, str(file))

    def make_folder(self, folder: Place) -> None:
        """A bucket has no folders."""

    def copy(self, source: Place, folder: Place, names: Mapping[str, str]) -> None:
        """See `Storage.copy`: from a bucket the service copies, from this machine files are uploaded."""
        if scheme(source) == "gs":
            writing.copy(str(source), str(folder), names)
            return
        with self.written(folder) as staged:
            for name, new in names.items():
                (staged / new).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(source / name), staged / new)

    def clear(self, folder: Place) -> None:
        """See `Storage.clear`."""
        writing.clear(str(folder))

    def owned(self, file: Place) -> OwnedObject:
        """See `Storage.owned`."""
        return OwnedObject(str(file))

    def mirrored(self, folder: Place) -> "_Mirror":
        """A temporary folder with the objects of a folder."""
        return _Mirror(str(folder))


class _Mirror:
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
