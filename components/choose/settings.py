"""What `choose` needs of the settings."""

from typing import Self

from configs.access import ServingCloud, bigquery_access, serving_cloud
from configs.bigquery import BigQueryAccess
from configs.rows import Source
from configs.section import Section
from configs.settings import Settings
from configs.values import Name


class ChooseStage(Section):
    """Where to look for the model and the rows of a batch prediction."""

    name: Name
    registry: str
    vertex: ServingCloud | None = None
    """For a registry on Vertex AI."""
    source: Source
    examples: str
    """The query whose rows are the table `examples` of the source's; empty: none."""
    access: BigQueryAccess | None = None
    """For a source on Google Cloud."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls(
            name=settings.name,
            registry=settings.places.registry,
            vertex=serving_cloud(settings),
            source=settings.scored_source,
            examples=settings.examples_query,
            access=bigquery_access(settings, "choose"),
        )
