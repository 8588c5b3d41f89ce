"""What `select` needs of the settings."""

from typing import Annotated, Self

from configs.access import bigquery_access
from configs.bigquery import BigQueryAccess
from configs.errors import SettingsError
from configs.rows import Ingest, Source
from configs.section import HOW, Section
from configs.settings import Settings
from configs.values import Column


class SelectStage(Section):
    """Which rows are scored. Which features they need, the model says."""

    source: Source
    examples: str
    """The query whose rows are the table `examples` of the source's; empty: none."""
    key: Column | None
    columns: tuple[Column, ...]
    """Carried along."""
    ingest: Ingest
    access: Annotated[BigQueryAccess | None, HOW] = None
    """For a source on Google Cloud."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs.

        Raises:
            SettingsError: Nothing would tell one prediction from another.
        """
        if settings.key is None and not settings.prediction.columns:
            raise SettingsError(
                f"use case '{settings.name}'",
                expected="a key, or prediction.columns: what tells one prediction from another",
                got="neither",
                remedy="Name the column that names a row: key: COLUMN.",
            )
        return cls(
            source=settings.scored_source,
            examples=settings.examples_query,
            key=settings.key,
            columns=settings.prediction.columns,
            ingest=settings.ingest,
            access=bigquery_access(settings, "select"),
        )
