"""Each seam with a library's internals: the version on which it was seen to hold, and what it leans on.

When one fails, read what has changed in the library, see whether the seam still holds or is no longer needed,
and write down the new version and digest.
"""

import hashlib
import importlib
import importlib.metadata
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]


class Seam(NamedTuple):
    """What a function of `components.shared.vendor_seams` leans on.

    Args:
        function: Its name.
        package: The library.
        seen: The version on which it was seen to hold.
        module: Where the code is that it leans on.
        name: Of that code within the module; empty: all of the module.
        digest: BLAKE2b (8 bytes, hex) of its source, as it was seen.
    """

    function: str
    package: str
    seen: str
    module: str
    name: str
    digest: str


SEAMS = (
    Seam("taking_summed_gradients", "keras", "3.15.1", "keras.src.backend.tensorflow.optimizer",
         "TFOptimizer._backend_update_step", "464e6e680d593a4c"),
    Seam("taking_summed_gradients", "keras", "3.15.1", "keras.src.backend.tensorflow.optimizer",
         "TFOptimizer._all_reduce_sum_gradients", "223c8cb5d5c82834"),
    Seam("gcs_filesystem", "gcsfs", "2026.10.1", "gcsfs", "", "e31db18c547c0a54"),
    Seam("gcs_filesystem", "universal-pathlib", "0.3.10", "upath.core",
         "UPath._fs_factory", "c3f2a907493e5d6a"),
    Seam("beam_credentials", "apache-beam", "2.77.0", "apache_beam.internal.gcp.auth",
         "get_service_credentials", "114bc73c42905bf1"),
    Seam("beam_job_exists_error", "apache-beam", "2.77.0", "apache_beam.runners.dataflow.internal.apiclient",
         "DataflowJobAlreadyExistsError", "77f34e05d4ac1e4e"),
    Seam("without_shell", "kfp", "2.17.3", "kfp.dsl.component_factory",
         "_get_command_and_args_for_lightweight_component", "09ec8dbc0ca9241d"),
)  # fmt: skip


def source_of(seam: Seam) -> str:
    """The source of what a seam leans on."""
    import keras  # noqa: F401 - named, so that `make test-fast` sees what the file loads

    found: Any = importlib.import_module(seam.module)
    for part in filter(None, seam.name.split(".")):
        found = getattr(found, part)
    return inspect.getsource(found)


@pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: f"{seam.function}-{seam.package}-{seam.name}")
def test_the_library_is_as_it_was_seen(seam: Seam) -> None:
    found = hashlib.blake2b(source_of(seam).encode(), digest_size=8).hexdigest()
    installed = importlib.metadata.version(seam.package)
    assert found == seam.digest, (
        f"{seam.package} {installed} has another {seam.module}.{seam.name} than {seam.seen}, on which "
        f"vendor_seams.{seam.function} was seen to hold: check it, then note the version and {found}"
    )


def test_every_seam_has_a_test() -> None:
    from components.shared import vendor_seams

    functions = {
        name
        for name, each in vars(vendor_seams).items()
        if inspect.isfunction(each) and each.__module__ == vendor_seams.__name__
    }
    assert functions == {seam.function for seam in SEAMS} | {"tensorflow_without_keras"}


def test_tensorflow_2_21_imports_without_keras() -> None:
    """Seen on TensorFlow 2.21.0; in a process of its own, since this one may have imported it."""
    code = """
import sys
from components.shared.vendor_seams import tensorflow_without_keras
with tensorflow_without_keras():
    import tensorflow
print(tensorflow.__version__, any(name.partition(".")[0] == "keras" for name in sys.modules))
"""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment
    ).stdout
    assert said.split() == ["2.21.0", "False"]
