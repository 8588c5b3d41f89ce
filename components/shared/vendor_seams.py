"""Where this project leans on what a library does not promise: one function for each seam.

Each says what it leans on, why, and what would replace it. `tests/unit/test_vendor_seams.py` names the
version on which each was seen to hold, and fails when the library's code has changed since.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def taking_summed_gradients(optimizer: type) -> type:
    """An optimizer of Keras without Keras' own sum of the gradients over the replicas.

    Leans on: `_all_reduce_sum_gradients`, which Keras' TensorFlow optimizers call on (gradient, variable)
    pairs.
    Why: Keras sums after it has clipped and looked for overflows, on each replica by itself. That clips
    something else than one device would, and lets replicas drift apart. So the gradients are summed before.
    Instead: an argument such as Keras 2's `skip_gradients_aggregation`. Dividing the sum by the number of
    replicas, so that Keras' sum restores it, would need no seam, but a second exchange between the devices in
    every step.
    """
    return type(
        optimizer.__name__, (optimizer,), {"_all_reduce_sum_gradients": lambda _, gradients: list(gradients)}
    )


@contextlib.contextmanager
def tensorflow_without_keras() -> Iterator[None]:
    """A block in which `import tensorflow` does not import Keras.

    Leans on: TensorFlow passing over a Keras that is not installed; None in `sys.modules` is the import
    system's documented way to say so.
    Why: it imports Keras only to register optimizers, and with it scikit-learn and matplotlib where they are
    installed: 4.7 s instead of 2.1 s. A server of SavedModels does without.
    Instead: a TensorFlow that imports Keras when it is first used.
    """
    if "keras" in sys.modules:
        yield
        return
    sys.modules["keras"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["keras"]


def gcs_filesystem(storage_options: Mapping[str, Any]) -> Any:
    """The filesystem behind paths on Cloud Storage, over its JSON API.

    Leans on: `gcsfs.core.GCSFileSystem` and gcsfs' variable for its experimental filesystem, which replaces
    that class in `gcsfs` and in fsspec's registry.
    Why: the experimental one imports a second longer, and asks the gRPC control API for the kind of every
    bucket it opens. Listings are not cached: another process's new objects would be missing.
    Instead: an option of the filesystem.
    """
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    from gcsfs.core import GCSFileSystem

    token = "anon" if "STORAGE_EMULATOR_HOST" in os.environ else None
    return GCSFileSystem(token=token, use_listings_cache=False, **storage_options)


def beam_credentials(options: Any) -> Any:
    """The credentials with which Beam itself submits a job of these options.

    Leans on: `apache_beam.internal.gcp.auth`.
    Why: Beam impersonates, logs in and caches by options of its own; our client of the same jobs must be the
    same caller.
    Instead: a public function of Beam.
    """
    from apache_beam.internal.gcp import auth

    return auth.get_service_credentials(options)


def beam_job_exists_error() -> type[Exception]:
    """What Beam raises where a job of this name is running.

    Leans on: an exception class in `apache_beam.runners.dataflow.internal`.
    Why: nothing else tells it from other errors but its English.
    Instead: a public class of Beam.
    """
    from apache_beam.runners.dataflow.internal.apiclient import DataflowJobAlreadyExistsError

    error: type[Exception] = DataflowJobAlreadyExistsError
    return error


def without_shell(command: Sequence[str]) -> list[str]:
    """The command of a KFP component whose Python takes the place of the shell that starts it.

    Leans on: the text of the script that KFP 2.17 gives to the shell.
    Why: the shell does not pass SIGTERM on. A stage would be killed without having heard it, and what it had
    started elsewhere would go on.
    Instead: a KFP that starts Python by `exec`.

    Raises:
        RuntimeError: The script starts Python in another way.
    """
    below = "\n_KFP_RUNTIME=true python3 "
    if sum(part.count(below) for part in command) != 1:
        raise RuntimeError(f"kfp starts a component by {list(command[:3])}, not as 2.17: see `without_shell`")
    return [part.replace(below, "\nexec env _KFP_RUNTIME=true python3 ") for part in command]
