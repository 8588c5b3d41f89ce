"""Pipelines compiled to the YAML that a target runs, linted on the way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.shared.files.artifacts import writing_file
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.graph import definitions


def compile_to(settings: Settings, path: Path, pipeline: Pipeline = "training") -> None:
    """Compile a pipeline into `path`.

    Raises:
        SettingsError: The graph would not run alike on every target.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    compile_pipeline(definitions.of(pipeline).build(settings), settings, path)


def compile_pipeline(pipeline: Callable[..., Any], settings: Settings, path: Path) -> None:
    """Compile what a `build` returned into `path`.

    Raises:
        SettingsError: The graph would not run alike on every target.
    """
    import yaml
    from kfp import compiler

    from pipelines.graph import lint

    with writing_file(path) as partial:
        compiler.Compiler().compile(pipeline, str(partial))
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        pinned = settings.cloud is not None and settings.cloud.pinned_images
        lint.check(yaml.load(partial.read_text(), loader), pinned=pinned)  # noqa: S506 - it is a safe loader
