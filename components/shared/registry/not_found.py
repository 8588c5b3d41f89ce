"""What a registry says of a model, version or alias that it does not have: it names those that it has."""

import re
from collections.abc import Sequence

from components.shared.registry.endpoint import Endpoint
from configs.errors import RegistryError

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
"""A model's name."""


def model(registry: str, names: Sequence[str], name: str) -> RegistryError:
    """For a name that no model has."""
    return RegistryError(
        registry,
        expected=f"one of its models: {', '.join(names)}" if names else "a registered model",
        got=f"'{name}'",
        remedy="" if names else "Register one: python -m pipelines run USE_CASE.",
    )


def version(
    registry: str, names: Sequence[str], name: str, numbers: Sequence[int], number: int
) -> RegistryError:
    """For a version that a model does not have."""
    if name not in names:
        return model(registry, names, name)
    known = f"one of the versions {', '.join(map(str, numbers))}"
    return RegistryError(f"model '{name}' in {registry}", expected=known, got=f"version {number}")


def number_of(endpoint: Endpoint, alias: str, registry: str, names: Sequence[str], name: str) -> int:
    """The version with an alias.

    Raises:
        RegistryError: No version has it.
    """
    aliases = {str(known): number for known, number in endpoint.aliases.items()}
    if alias in aliases:
        return aliases[alias]
    if name not in names:
        raise model(registry, names, name)
    in_use = ", ".join(f"{known} (version {number})" for known, number in aliases.items())
    raise RegistryError(
        f"model '{name}' in {registry}", expected=f"an alias in use: {in_use or 'none'}", got=f"'{alias}'"
    )
