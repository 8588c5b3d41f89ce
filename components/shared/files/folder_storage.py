"""Places on this machine: the adapter of `Storage` for folders and files."""

import contextlib
import hashlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.shared.files.place import Place


class FolderStorage:
    """Folders of this machine; a rename puts what was written into place in one step."""

    shared, at_once, poll_seconds = False, 1, 0.5

    def files(self, folder: Place) -> list[str]:
        """See `Storage.files`; a link that leads nowhere is one, so that whoever reads it learns of it."""
        path = _path(folder)
        return [each.relative_to(path).as_posix() for each in sorted(path.rglob("*")) if not each.is_dir()]

    def checksums(self, where: Place) -> Mapping[str, bytes]:
        """See `Storage.checksums`: BLAKE2b."""
        path, found = _path(where), {}
        for file in [path] if path.is_file() else sorted(filter(Path.is_file, path.rglob("*"))):
            with file.open("rb") as content:
                found[file.relative_to(path).as_posix()] = hashlib.file_digest(content, "blake2b").digest()
        return found

    def read(self, file: Place) -> bytes:
        """See `Storage.read`."""
        return file.read_bytes()

    @contextlib.contextmanager
    def opened(self, file: Place) -> Iterator[Path]:
        """See `Storage.opened`."""
        yield _path(file)

    @contextlib.contextmanager
    def local_copy(self, folder: Place) -> Iterator[Path]:
        """The folder itself."""
        yield _path(folder)

    def local_files(self, files: Sequence[Place], folder: Path) -> list[Path]:  # noqa: ARG002 - of the Protocol
        """The files themselves."""
        return [_path(file) for file in files]

    @contextlib.contextmanager
    def scratch(self, out: Place) -> Iterator[Path]:
        """A folder next to `out`, on the disk that has room for it."""
        self.make_folder(out.parent)
        with tempfile.TemporaryDirectory(prefix=".scratch.", dir=_path(out.parent)) as folder:
            yield Path(folder)

    @contextlib.contextmanager
    def written(self, out: Place) -> Iterator[Path]:
        """See `Storage.written`: filled under another name, then renamed."""
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
        """See `Storage.written_file`."""
        path = _path(file)
        staged = path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")
        try:
            yield staged
            staged.replace(path)
        finally:
            staged.unlink(missing_ok=True)

    def make_folder(self, folder: Place) -> None:
        """See `Storage.make_folder`."""
        _path(folder).mkdir(parents=True, exist_ok=True)

    def copy(self, source: Place, folder: Place, names: Mapping[str, str]) -> None:
        """See `Storage.copy`."""
        self.make_folder(folder.parent)
        with self.written(folder) as staged:
            for name, new in names.items():
                (staged / new).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(_path(source) / name, staged / new)

    def clear(self, folder: Place) -> None:
        """See `Storage.clear`."""
        shutil.rmtree(_path(folder), ignore_errors=True)

    def owned(self, file: Place) -> "_OwnedFile":
        """See `Storage.owned`; a second writer on this machine is not noticed."""
        return _OwnedFile(self, file)

    def mirrored(self, folder: Place) -> "_Itself":
        """The folder itself."""
        return _Itself(_path(folder))


@dataclass(frozen=True)
class _OwnedFile:
    storage: FolderStorage
    file: Place

    def read(self) -> bytes | None:
        return self.file.read_bytes() if self.file.exists() else None

    def write(self, content: bytes) -> None:
        self.storage.make_folder(self.file.parent)
        with self.storage.written_file(self.file) as staged:
            staged.write_bytes(content)


@dataclass
class _Itself:
    path: Path

    def pull(self) -> None:
        """The files are there."""

    def push(self) -> None:
        """The files are there."""

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _path(where: Place) -> Path:
    return Path(str(where))
