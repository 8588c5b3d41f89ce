"""A stage as a KFP component whose own process hears the signals of whoever runs it."""

from collections.abc import Callable
from typing import Any

from kfp import dsl

from components.shared.vendor_seams import without_shell

IMAGE = "pipeline-python:local"
"""Replaced by an environment's own when a pipeline is compiled."""


def component(function: Callable[..., Any]) -> Any:
    """`dsl.component` of a function that finds its libraries in the image and runs without a shell.

    Raises:
        RuntimeError: KFP starts components in another way than the one known.
    """
    made = dsl.component(base_image=IMAGE, install_kfp_package=False)(function)
    container = made.component_spec.implementation.container
    container.command = without_shell(container.command)
    return made
