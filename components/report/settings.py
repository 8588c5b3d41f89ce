"""What `report` needs of the settings: all of them, since it shows them and compares runs by them."""

from typing import Self

from configs.section import Section
from configs.settings import Settings


class ReportStage(Section):
    """What ran, and where."""

    settings: Settings

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs."""
        return cls(settings=settings)
