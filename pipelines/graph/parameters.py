"""The part of the settings that each stage gets: what it makes (in its cache key) and how (outside it).

Every function raises SettingsError where the use case and the environment do not fit a stage.
"""

import importlib
import json
import re

from configs.section import Section, how_of, what_json
from configs.settings import Settings
from configs.stages import STAGES, Pipeline, StageSpec
from pipelines.graph.code_digest import code_digest


def stage_part(name: str, settings: Settings) -> Section:
    """The part of the settings that a stage needs, by its own `settings.py`."""
    module = importlib.import_module(f"components.{name}.settings")
    part: Section = getattr(module, f"{name.capitalize()}Stage").of(settings)
    return part


def stage_parameter(spec: StageSpec, settings: Settings) -> str:
    """The `settings` of a stage's task, as JSON: without the fields marked `HOW` where the task is cached."""
    part = stage_part(spec.name, settings)
    return what_json(part) if spec.cached else part.model_dump_json()


def stage_code(name: str, settings: Settings) -> str:
    """The digest of a stage's code, with the adapters for the places that its settings name."""
    text = stage_part(name, settings).model_dump_json()
    return code_digest(name, re.findall(r"\b([a-z]+)://", text))


def run_how(pipeline: Pipeline, settings: Settings) -> str:
    """What the cached stages of a pipeline are not given by their parameters, as JSON by stage."""
    cached = [spec.name for spec in STAGES[pipeline] if spec.cached]
    return json.dumps({name: how for name in cached if (how := how_of(stage_part(name, settings)))})
