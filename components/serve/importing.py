"""TensorFlow, imported in half the time and without its chatter."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from typing import Any


def tensorflow(threads: int) -> Any:
    """The library, with `threads` for the work of one operation.

    It imports Keras only to register optimizers, and with it scikit-learn and matplotlib where they
    are installed: 4.7 s instead of 2.1 s. A SavedModel does without. What its C++ code prints before
    any log level applies is suppressed, unless the import fails.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _without("keras"), _quiet():
        import tensorflow as library
    library.config.threading.set_intra_op_parallelism_threads(threads)
    library.config.threading.set_inter_op_parallelism_threads(1)
    return library


@contextlib.contextmanager
def _without(module: str) -> Iterator[None]:
    """As if it were not installed; None is the import system's own word for that."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[module]


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
