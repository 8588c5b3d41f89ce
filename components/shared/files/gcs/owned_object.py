"""An object that one writer keeps replacing."""

import hashlib
import uuid
from typing import Any

from components.shared.files.gcs.client import blob, bucket_and_name, client, translate_gcs_errors
from components.shared.files.gcs.metadata import CONTENT, WRITER, busy, is_by


class OwnedObject:
    """An object that one writer replaces again and again, in one step each time.

    Every write names the generation that it replaces: the one this writer wrote or read last. A second
    writer is noticed by the one that comes too late.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._generation: int | None = None

    def read(self) -> bytes | None:
        """The content, or None if there is none; from here on it is ours to replace."""
        each = self._there()
        self._generation = int(each.generation) if each else 0
        if each is None:
            return None
        with translate_gcs_errors(self.uri):
            content: bytes = each.download_as_bytes()  # of this generation
        return content

    def write(self, content: bytes) -> None:
        """Replace it.

        Raises:
            BusyError: Another one wrote it since.
        """
        from google.api_core.exceptions import PreconditionFailed

        if self._generation is None:
            there = self._there()
            self._generation = int(there.generation) if there else 0
        writer = uuid.uuid4().hex
        each = blob(self.uri)
        each.metadata = {WRITER: writer, CONTENT: hashlib.blake2b(content).hexdigest()}
        with translate_gcs_errors(self.uri):
            try:
                each.upload_from_string(content, if_generation_match=self._generation)
            except PreconditionFailed as error:
                if not is_by(each, writer):
                    raise busy(self.uri) from error
        self._generation = int(each.generation)

    def release(self) -> None:
        """Remove it.

        Raises:
            BusyError: Another one wrote or removed it since.
        """
        from google.api_core.exceptions import NotFound, PreconditionFailed

        with translate_gcs_errors(self.uri):
            try:
                blob(self.uri).delete(if_generation_match=self._generation)
            except (NotFound, PreconditionFailed) as error:
                raise busy(self.uri) from error

    def _there(self) -> Any:
        bucket, name = bucket_and_name(self.uri)
        with translate_gcs_errors(self.uri):
            return client().bucket(bucket).get_blob(name)
