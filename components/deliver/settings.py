"""What `deliver` needs of the settings."""

from typing import Self

from configs.access import bigquery_access
from configs.bigquery import BigQueryAccess
from configs.errors import SettingsError
from configs.section import Section
from configs.settings import Settings


class DeliverStage(Section):
    """Where predictions go."""

    output: str
    """`file://FOLDER`, `gs://BUCKET/FOLDER` or `bq://PROJECT.DATASET.TABLE`."""
    access: BigQueryAccess | None = None
    """For a table on Google Cloud."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The part of the settings that the stage needs.

        Raises:
            SettingsError: A run on Google Cloud would leave its predictions on a machine that vanishes.
        """
        root = settings.places.root
        below_root = f"{root if '://' in root else f'file://{root}'}/predictions/{settings.name}"
        output = settings.prediction.output or below_root
        if settings.cloud and output.startswith("file://"):
            raise SettingsError(
                "prediction.output",
                expected=f"gs://… or bq://… in environment '{settings.environment}', "
                "which runs on Google Cloud",
                got=output,
                remedy="Set it in the environment's YAML, or leave it out.",
            )
        return cls(output=output, access=bigquery_access(settings, "deliver"))
