"""Which target an environment is: Google Cloud, where its settings have a section `cloud`."""

from configs.cloud import Cloud
from configs.errors import SettingsError
from configs.settings import Settings

_RUNNER = "--runner="


def on_dataflow(cloud: Cloud) -> bool:
    """Whether Beam's work is done by Dataflow: it is, unless another runner is named."""
    named = [each for each in cloud.dataflow.options if each.startswith(_RUNNER)]
    return not named or named[-1] == f"{_RUNNER}DataflowRunner"


def cloud_of(settings: Settings) -> Cloud:
    """The section `cloud`, for what only exists on Google Cloud.

    Raises:
        SettingsError: The environment is this machine.
    """
    if settings.cloud is None:
        raise SettingsError(
            f"environment '{settings.environment}'",
            expected="one on Google Cloud",
            got="this machine: what runs here costs nothing, needs nothing, and no clock starts it",
            remedy="Choose one, e.g. --env dev.",
        )
    return settings.cloud
