"""What `predict` needs of the settings."""

from typing import Annotated, Self

from configs import dataflow
from configs.places import Beam
from configs.section import HOW, Section
from configs.settings import Settings
from configs.values import Column, Name


class PredictStage(Section):
    """How rows are scored, and which of their columns predictions carry."""

    name: Name
    key: Column | None
    columns: tuple[Column, ...]
    """Carried along."""
    threshold: float
    """A score from here on is a positive prediction."""
    shard_rows: int
    """Rows of an output shard at most; also what one Beam worker takes at a time."""
    batch_rows: int
    max_string_bytes: int
    """A row with a longer string is rejected, as it was in training."""
    max_rejected: float
    beam: Annotated[Beam, HOW]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls(
            name=settings.name,
            key=settings.key,
            columns=settings.prediction.columns,
            threshold=settings.evaluation.threshold,
            shard_rows=settings.transform.shard_rows,
            batch_rows=settings.prediction.batch_rows,
            max_string_bytes=settings.transform.max_string_bytes,
            max_rejected=settings.prediction.max_rejected,
            beam=dataflow.beam(settings),
        )
