"""The console that the commands write to."""

import gc
import os

import pytest

from pipelines.view import open_console


def test_the_copy_of_the_output_is_closed_with_its_console() -> None:
    console = open_console()
    descriptor = console.file.fileno()
    os.fstat(descriptor)
    del console
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
