"""The part of the settings that each stage gets as its parameter."""

import importlib

from configs.section import Section
from configs.settings import Settings


def stage_part(name: str, settings: Settings) -> Section:
    """The part of the settings that a stage needs, by its own `settings.py`.

    Raises:
        SettingsError: The use case and the environment do not fit the stage.
    """
    module = importlib.import_module(f"components.{name}.settings")
    part: Section = getattr(module, f"{name.capitalize()}Stage").of(settings)
    return part


def stage_settings(name: str, settings: Settings) -> str:
    """The same as JSON.

    Raises:
        SettingsError: The use case and the environment do not fit the stage.
    """
    return stage_part(name, settings).model_dump_json()
