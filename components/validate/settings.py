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

    @property
    def compared(self) -> tuple[str, ...]:
        """The columns whose distribution matters: what the model sees, and what it learns."""
        return (*self.features.columns, self.label.column)

    @property
    def used(self) -> set[str]:
        """The columns that a run cannot do without."""
        return {*self.compared, *([self.key] if self.key else [])}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls.model_validate(settings, from_attributes=True)
