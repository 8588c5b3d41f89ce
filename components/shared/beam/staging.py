"""Folders that Beam's workers read or write: where they reach them, and back.

Workers of this machine read and write it as it lies. Others meet at Beam's temporary location on `gs://`.
"""

import contextlib
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from components.shared.files.gcs import reading as gcs_reading
from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.paths import is_remote, place


@contextlib.contextmanager
def scratch(options: PipelineOptions) -> Iterator[Path]:
    """Where workers and this process can write and read until the end of the block."""
    with tempfile.TemporaryDirectory() as here:
        where = _meeting_place(Path(here), options)
        try:
            yield where
        finally:
            if is_remote(where):
                gcs_writing.clear(str(where))


@contextlib.contextmanager
def shared(folder: Path, options: PipelineOptions) -> Iterator[Path]:
    """Where workers can read the folder."""
    where = folder if is_remote(folder) else _meeting_place(folder, options)
    if not is_remote(where) or where is folder:
        yield where
        return
    try:
        gcs_writing.publish(folder, str(where))
        yield where
    finally:
        gcs_writing.clear(str(where))


@contextlib.contextmanager
def collected(folder: Path, options: PipelineOptions) -> Iterator[Path]:
    """Where workers can write; what they wrote is in the folder when the block ends well."""
    where = _meeting_place(folder, options)
    if not is_remote(where):
        yield where
        return
    try:
        yield where
        gcs_reading.download(str(where), folder)
    finally:
        gcs_writing.clear(str(where))


def _meeting_place(folder: Path, options: PipelineOptions) -> Path:
    temporary = options.view_as(GoogleCloudOptions).temp_location or ""
    if not temporary.startswith("gs://"):
        return folder
    return place(temporary) / f"{folder.name.strip('.')}-{uuid.uuid4().hex[:8]}"
