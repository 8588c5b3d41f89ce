"""What `ingest` needs of the settings."""

from typing import Annotated, Self

from configs.access import bigquery_access
from configs.bigquery import BigQueryAccess
from configs.rows import HashSplit, Ingest, Label, Source, TimeSplit
from configs.section import HOW, Section
from configs.settings import Settings
from configs.values import Column


class IngestStage(Section):
    """Which rows, and how they are split."""

    source: Source
    label: Label
    key: Column | None = None
    split: TimeSplit | HashSplit
    columns: tuple[Column, ...]
    """Columns the later stages need: the query must return them."""
    ingest: Ingest
    access: Annotated[BigQueryAccess | None, HOW] = None
    """For a source on Google Cloud."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        named = (
            settings.key,
            settings.decision_time,
            *settings.features.columns,
            *(column for slice_ in settings.evaluation.slices for column in slice_),
        )
        return cls(
            source=settings.resolved_source,
            label=settings.label,
            key=settings.key,
            split=settings.split,
            columns=tuple(dict.fromkeys(column for column in named if column)),
            ingest=settings.ingest,
            access=bigquery_access(settings, "ingest"),
        )
