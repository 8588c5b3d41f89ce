"""The registry of an environment."""

from components.shared.registry import Registry, open_registry
from configs.access import serving_cloud
from configs.settings import Settings


def registry_of(settings: Settings) -> Registry:
    """The registry that holds the versions of a use case in its environment."""
    return open_registry(settings.places.registry, serving_cloud(settings))
