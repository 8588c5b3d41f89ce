"""What `transform` needs of the settings."""

from typing import Annotated, Self

from configs import dataflow
from configs.features import Features, Transform
from configs.places import Beam
from configs.rows import Label
from configs.section import HOW, Section
from configs.settings import Settings
from configs.values import Column


class TransformStage(Section):
    """How raw columns become model inputs."""

    label: Label
    key: Column | None
    features: Features
    transform: Transform
    beam: Annotated[Beam, HOW]

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        with_options = settings.model_copy(update={"beam": dataflow.beam(settings)})
        return cls.model_validate(with_options, from_attributes=True)
