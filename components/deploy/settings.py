"""What `deploy` needs of the settings."""

from typing import Self

from configs.access import ServingCloud, serving_cloud
from configs.deployment import Deployment
from configs.section import Section
from configs.settings import Settings
from configs.values import Name


class DeployStage(Section):
    """Which model is versioned, and how it reaches the endpoint."""

    name: Name
    registry: str
    deployment: Deployment
    vertex: ServingCloud | None = None
    """For a registry on Vertex AI."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls(
            name=settings.name,
            registry=settings.places.registry,
            deployment=settings.deployment,
            vertex=serving_cloud(settings),
        )
