"""What the commands `promote` and `rollback` do."""

from configs.settings import Settings
from pipelines import view
from pipelines.registry import registry_of


def promote(settings: Settings, version: int | None) -> None:
    """Make a version the champion, and show who serves."""
    registry = registry_of(settings)
    registry.promote(settings.name, version)
    view.open_console().print(view.versions_table(registry, settings.name))


def rollback(settings: Settings) -> None:
    """Take back the newest step, and show who serves."""
    registry = registry_of(settings)
    registry.roll_back(settings.name)
    view.open_console().print(view.versions_table(registry, settings.name))
