"""Folders that Beam's workers read or write: staged where they reach them, and copied back.

Workers of this machine read and write a folder as it lies. Others need it on `gs://`: it is staged below
Beam's temporary location, and removed when the block ends.
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
def temporary_folder(options: PipelineOptions) -> Iterator[Path]:
    """A folder that workers and this process can write and read until the end of the block."""
    with tempfile.TemporaryDirectory() as here:
        staged = _staged(Path(here), options)
        try:
            yield staged
        finally:
            if is_remote(staged):
                gcs_writing.clear(str(staged))


@contextlib.contextmanager
def staged_input(folder: Path, options: PipelineOptions) -> Iterator[Path]:
    """The folder, or a copy of it, that workers can read until the end of the block."""
    staged = folder if is_remote(folder) else _staged(folder, options)
    if not is_remote(staged) or staged is folder:
        yield staged
        return
    try:
        gcs_writing.publish(folder, str(staged))
        yield staged
    finally:
        gcs_writing.clear(str(staged))


@contextlib.contextmanager
def staged_output(folder: Path, options: PipelineOptions) -> Iterator[Path]:
    """A folder that workers can write; what they wrote is in `folder` when the block ends well."""
    staged = _staged(folder, options)
    if not is_remote(staged):
        yield staged
        return
    try:
        yield staged
        gcs_reading.download(str(staged), folder)
    finally:
        gcs_writing.clear(str(staged))


def _staged(folder: Path, options: PipelineOptions) -> Path:
    """The folder itself, or a new one below Beam's temporary location on `gs://`."""
    temporary = options.view_as(GoogleCloudOptions).temp_location or ""
    if not temporary.startswith("gs://"):
        return folder
    return place(temporary) / f"{folder.name.strip('.')}-{uuid.uuid4().hex[:8]}"
