"""Folders that Beam's workers read or write: staged where they reach them, and copied back.

Workers of this machine read and write a folder as it lies. Others need it on `gs://`: it is staged below
Beam's temporary location, and removed when the block ends.
"""

import contextlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from components.shared.files.artifacts import copy_files
from components.shared.files.paths import local_copy, place
from components.shared.files.place import Place
from components.shared.files.storage import storage


@contextlib.contextmanager
def temporary_folder(options: PipelineOptions) -> Iterator[Place]:
    """A folder that workers and this process can write and read until the end of the block."""
    with tempfile.TemporaryDirectory() as here, _staged(Path(here), options) as staged:
        yield staged or Path(here)


@contextlib.contextmanager
def staged_input(folder: Place, options: PipelineOptions) -> Iterator[Place]:
    """The folder, or a copy of it, that workers can read until the end of the block."""
    if storage(folder).shared:
        yield folder
        return
    with _staged(folder, options) as staged:
        if staged is not None:
            copy_files(folder, staged, {name: name for name in storage(folder).files(folder)})
        yield staged or folder


@contextlib.contextmanager
def staged_output(folder: Path, options: PipelineOptions) -> Iterator[Place]:
    """A folder that workers can write; what they wrote is in `folder` when the block ends well."""
    with _staged(folder, options) as staged:
        yield staged or folder
        if staged is not None:
            with local_copy(staged) as here:
                shutil.copytree(here, folder, dirs_exist_ok=True)


@contextlib.contextmanager
def _staged(folder: Place, options: PipelineOptions) -> Iterator[Place | None]:
    """A new folder below Beam's temporary location on `gs://`; None where workers reach this machine's."""
    temporary = options.view_as(GoogleCloudOptions).temp_location or ""
    if not temporary.startswith("gs://"):
        yield None
        return
    staged = place(temporary) / f"{folder.name.strip('.')}-{uuid.uuid4().hex[:8]}"
    try:
        yield staged
    finally:
        storage(staged).clear(staged)
