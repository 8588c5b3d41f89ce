"""The compiled pipeline of each environment, with its digests and its components' sources left out.

What is left is the graph: tasks, their parameters, machines, images, conditions. A change of a stage's
code does not show here; a change of what runs where does.
"""

import re
import tempfile
from pathlib import Path
from typing import Any

import yaml

from configs.loading import load
from configs.stages import Pipeline
from pipelines.graph import compiling

ENVIRONMENTS = ("local", "dev", "test", "prod")
PIPELINES: tuple[Pipeline, ...] = ("training", "prediction")
_DIGEST = re.compile(r"\b[0-9a-f]{32}\b")


def golden_file(environment: str, pipeline: Pipeline = "training") -> Path:
    """Where the golden file of a pipeline in an environment lies."""
    return Path(__file__).parent / f"{pipeline}-flights-{environment}.yaml"


def compiled(environment: str, pipeline: Pipeline = "training") -> str:
    """A flights pipeline, compiled for an environment, as it is compared."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compiled.yaml"
        compiling.compile_to(load("flights", environment), path, pipeline)
        content = yaml.safe_load(path.read_text())
    return yaml.safe_dump(_quiet(content), width=200, sort_keys=True)


def _quiet(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _quiet(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_quiet(each) for each in value]
    if isinstance(value, str) and "from kfp import dsl" in value:
        return "<the component's source>"
    return _DIGEST.sub("<digest>", value) if isinstance(value, str) else value
