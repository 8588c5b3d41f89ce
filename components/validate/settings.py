"""What `validate` needs of the settings."""

from typing import Self

from configs.features import Features
from configs.rows import Label
from configs.section import Section
from configs.settings import Settings
from configs.validation import Validation
from configs.values import Column


class ValidateStage(Section):
    """What the rows must look like."""

    schema_pbtxt: str
    """The reviewed schema; empty: infer one."""
    label: Label
    key: Column | None
    features: Features
    validation: Validation

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls(
            schema_pbtxt=settings.schema_pbtxt,
            label=settings.label,
            key=settings.key,
            features=settings.features,
            validation=settings.validation,
        )
