"""Checkpoints on `gs://`: one object that only one training writes, and the event files beside it."""

import shutil
import tempfile
import weakref
from pathlib import Path

from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.gcs.owned_object import Held


class Bucket:
    """The checkpoint of one training in a folder of a bucket.

    TensorFlow writes event files to a folder of this machine; they are copied with every checkpoint, so
    that a resumed training goes on with their curves.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = Held(str(folder / "checkpoint.npz"))
        here = tempfile.mkdtemp(prefix="training.")
        self._forget = weakref.finalize(self, shutil.rmtree, here, ignore_errors=True)
        self.board = Path(here) / "tensorboard"

    def load(self) -> bytes | None:
        """The checkpoint, if there is one; the event files come with it."""
        content = self._file.read()
        events = str(self._folder / "tensorboard")
        if content is not None and gcs_reading.objects(events):
            gcs_reading.download(events, self.board)
        return content

    def save(self, content: bytes) -> None:
        """Replace the checkpoint.

        Raises:
            BusyError: Another training with the same examples and settings wrote it meanwhile.
        """
        self._file.write(content)
        for path in sorted(path for path in self.board.rglob("*") if path.is_file()):
            name = path.relative_to(self.board).as_posix()
            gcs_writing.put(path, str(self._folder / "tensorboard" / name))

    def remove(self) -> None:
        """Forget it."""
        gcs_writing.clear(str(self._folder))
        self._forget()
