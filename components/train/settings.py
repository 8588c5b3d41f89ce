"""What `train` needs of the settings."""

from typing import Self

from configs.rows import Label
from configs.section import Section
from configs.settings import Settings
from configs.training import Training
from configs.values import Name


class TrainStage(Section):
    """Which model, and how it learns. Its inputs are what the transform graph's features.json says."""

    name: Name
    label: Label
    training: Training

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls.model_validate(settings, from_attributes=True)
