"""What `resolve` needs of the settings."""

from typing import Self

from configs.access import ServingCloud, bigquery_access, serving_cloud
from configs.bigquery import BigQueryAccess
from configs.rows import Source
from configs.section import Section
from configs.settings import Settings
from configs.values import Name


class ResolveStage(Section):
    """Where to look for what the run stands on."""

    name: Name
    source: Source
    registry: str
    access: BigQueryAccess | None = None
    """For a source on Google Cloud."""
    vertex: ServingCloud | None = None
    """For a registry on Vertex AI."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls(
            name=settings.name,
            source=settings.resolved_source,
            registry=settings.places.registry,
            access=bigquery_access(settings, "resolve"),
            vertex=serving_cloud(settings),
        )
