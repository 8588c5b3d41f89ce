"""What `evaluate` needs of the settings."""

from typing import Annotated, Self

from configs import dataflow
from configs.evaluation import Evaluation
from configs.places import Beam
from configs.rows import Label
from configs.section import HOW, Section
from configs.settings import Settings
from configs.values import Column


class EvaluateStage(Section):
    """What is measured, and what must hold."""

    label: Label
    key: Column | None
    evaluation: Evaluation
    beam: Annotated[Beam, HOW]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        with_options = settings.model_copy(update={"beam": dataflow.beam(settings)})
        return cls.model_validate(with_options, from_attributes=True)
