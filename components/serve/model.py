"""A SavedModel that is ready to score: loaded, checked against its own description, and warmed up."""

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from components.serve.batching import Scores
from components.serve.instances import Columns
from components.shared.files.paths import local_copy
from components.shared.files.place import Place
from components.shared.registry.model_file import read_features
from components.shared.vendor_seams import tensorflow_without_keras
from configs.errors import ModelError
from configs.features import Features

SIGNATURE = "serving_default"
log = logging.getLogger(__name__)


class Model(Protocol):
    """What the server needs of a model."""

    features: Features
    seconds: dict[str, float]
    """What its loading took: import, load, warm_up."""

    def scores(self, columns: Columns) -> Scores:
        """One score for each row."""
        ...


Load = Callable[[Place], Model]


class LoadedModel:
    """A SavedModel in memory."""

    def __init__(self, features: Features, saved_model: Any, tensorflow: Any) -> None:
        self.features, self._tensor = features, tensorflow.constant
        self.seconds: dict[str, float] = {}
        self._owner = saved_model  # of the variables, which a signature only refers to
        self._call = _packed(saved_model.signatures[SIGNATURE], features, tensorflow)

    def scores(self, columns: Columns) -> Scores:
        """One score for each row."""
        scores: Scores = self._call(self._tensor(columns.numeric), self._tensor(columns.categorical)).numpy()
        return scores


def load(path: Place, threads: int = 1) -> LoadedModel:
    """Load the SavedModel at `path` and score a first row.

    Raises:
        ModelError: It cannot be read, its signature is not what model.json says, or it scores nonsense.
        PlaceError: It lies on `gs://`, and nothing is there or it is closed to us.
    """
    with local_copy(path) as folder:
        return _loaded(folder, threads)


def _loaded(path: Path, threads: int) -> LoadedModel:
    features = read_features(path)
    began = time.perf_counter()
    tensorflow = _import_tensorflow(threads)
    imported = time.perf_counter()
    try:
        saved_model = tensorflow.saved_model.load(str(path))
        signature = saved_model.signatures[SIGNATURE]
    except (OSError, KeyError, ValueError, tensorflow.errors.OpError) as error:
        raise ModelError(
            str(path), expected=f"a SavedModel with signature {SIGNATURE}", got=str(error)[:300]
        ) from None
    _check_signature(path, signature, features, tensorflow)
    model = LoadedModel(features, saved_model, tensorflow)
    loaded = time.perf_counter()
    _warm_up(path, model)
    ends = (imported, loaded, time.perf_counter())
    steps = zip(("import", "load", "warm_up"), (began, imported, loaded), ends, strict=True)
    model.seconds = {step: round(end - start, 3) for step, start, end in steps}
    log.info("%s loaded: %s", path, ", ".join(f"{step} {took:.1f} s" for step, took in model.seconds.items()))
    return model


def _packed(signature: Any, features: Features, tensorflow: Any) -> Callable[[Any, Any], Any]:
    """The signature behind two tensors: a call then costs 0.25 ms, not 0.85 ms with one tensor a feature."""

    def call(numeric: Any, categorical: Any) -> Any:
        tensors = (*tensorflow.unstack(numeric), *tensorflow.unstack(categorical))
        return signature(**dict(zip(features.columns, tensors, strict=True)))["score"]

    return tensorflow.function(call, autograph=False).get_concrete_function(  # type: ignore[no-any-return]
        tensorflow.TensorSpec([len(features.numeric), None], tensorflow.float32),
        tensorflow.TensorSpec([len(features.categorical), None], tensorflow.string),
    )


def _check_signature(path: Path, signature: Any, features: Features, tensorflow: Any) -> None:
    described = dict.fromkeys(features.numeric, tensorflow.float32) | dict.fromkeys(
        features.categorical, tensorflow.string
    )
    found = {name: spec.dtype for name, spec in signature.structured_input_signature[1].items()}
    if found != described or "score" not in signature.structured_outputs:
        wrong = sorted({*found.items()} ^ {*described.items()}, key=str)
        raise ModelError(
            f"{path}, signature {SIGNATURE}",
            expected="the features of model.json, numeric as float32, categorical as string, and a score",
            got=f"a difference at {[name for name, _ in wrong]}, outputs {[*signature.structured_outputs]}",
            remedy="Export the model again.",
        )


def _warm_up(path: Path, model: LoadedModel) -> None:
    """Score rows of which every value is missing; that is legal, so the scores must be probabilities."""
    features = model.features
    for rows in (1, 2):
        numeric = np.full((len(features.numeric), rows), np.nan, np.float32)
        categorical = np.full((len(features.categorical), rows), "", dtype=object)
        scores = model.scores(Columns(numeric, categorical))
        if scores.shape != (rows,) or not ((scores >= 0) & (scores <= 1)).all():
            expected = "scores from 0 to 1, here of missing values"
            raise ModelError(str(path), expected=expected, got=str(scores))


def _import_tensorflow(threads: int) -> Any:
    """TensorFlow, imported in half the time and without its chatter; `threads` do the work of one operation.

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
