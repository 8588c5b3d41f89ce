"""A stage as a KFP component whose own process hears the signals of whoever runs it."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

IMAGE = "pipeline-python:local"
"""Replaced by an environment's own when a pipeline is compiled."""
SEEN_ON = "2.17"
"""The version of KFP whose command is known here."""
_BELOW_A_SHELL = "\n_KFP_RUNTIME=true python3 "
_IN_PLACE_OF_THE_SHELL = "\nexec env _KFP_RUNTIME=true python3 "


def component(function: Callable[..., Any]) -> Any:
    """`dsl.component` of a function that finds its libraries in the image.

    KFP starts Python below a shell, which does not pass SIGTERM on: a stage would be killed without having
    heard it, and what it had started elsewhere would go on. Here Python takes the shell's place.

    Raises:
        RuntimeError: KFP starts components in another way than the one known here.
    """
    made = dsl.component(base_image=IMAGE, install_kfp_package=False)(function)
    container = made.component_spec.implementation.container
    if sum(part.count(_BELOW_A_SHELL) for part in container.command) != 1:
        raise RuntimeError(
            f"kfp starts '{made.name}' by {container.command[:3]}, not as {SEEN_ON} did: "
            "see components/shared/stage/kfp.py"
        )
    container.command = [part.replace(_BELOW_A_SHELL, _IN_PLACE_OF_THE_SHELL) for part in container.command]
    return made
