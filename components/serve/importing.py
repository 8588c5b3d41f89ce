"""TensorFlow, imported in half the time and without its chatter."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from components.shared.vendor_seams import tensorflow_without_keras


def tensorflow(threads: int) -> Any:
    """The library, with `threads` for the work of one operation.

    Keras is left out: a SavedModel does without. What TensorFlow's C++ code prints before any log level
    applies is suppressed, unless the import fails.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tensorflow_without_keras(), _quiet():
        import tensorflow as library
    library.config.threading.set_intra_op_parallelism_threads(threads)
    library.config.threading.set_inter_op_parallelism_threads(1)
    return library


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what is written to file descriptor 2, and give it out after a failure."""
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as buffer:
        os.dup2(buffer.fileno(), 2)
        try:
            yield
        except BaseException:
            buffer.seek(0)
            with open(screen, "wb", closefd=False) as out:
                shutil.copyfileobj(buffer, out)
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)
