"""The compiled pipeline put where others start it: on Cloud Storage, with all that starting it takes.

A pipeline is named by its content, so that what a launch file names never changes; the launch file, which
says how to start it, is replaced in one step.
"""

import tempfile
from pathlib import Path
from typing import Any

from components.shared.files.artifacts import digest, write_json
from components.shared.files.gcs import writing as gcs_writing
from components.shared.files.paths import place
from configs.settings import Settings
from configs.stages import Pipeline
from pipelines.graph import compiling, definitions
from pipelines.runners import vertex
from pipelines.runners.target import cloud_of

FOLDER = "pipelines"


def publish(settings: Settings, pipeline: Pipeline = "training") -> str:
    """Compile a pipeline and publish it; returns the place of its launch file.

    Raises:
        SettingsError: The environment is not on Google Cloud, or the pipeline does not compile.
        PlaceError: The bucket is missing, or closed to us.
    """
    cloud = cloud_of(settings)
    folder = f"gs://{cloud.bucket}/{FOLDER}"
    name = f"{pipeline}-{settings.name}"
    with tempfile.TemporaryDirectory() as temporary:
        compiled = Path(temporary) / "pipeline.yaml"
        compiling.compile_to(settings, compiled, pipeline)
        template = f"{folder}/{name}-{digest(compiled)[:16]}.yaml"
        gcs_writing.put(compiled, template)
    launch = f"{folder}/{name}.json"
    write_json(place(launch), _launch(settings, template, pipeline))
    return launch


def _launch(settings: Settings, template: str, pipeline: Pipeline) -> dict[str, Any]:
    """What `infra/trigger/main.py` reads."""
    cloud = cloud_of(settings)
    return {
        "project": cloud.project,
        "location": cloud.location,
        "template": template,
        "pipeline_root": vertex.pipeline_root(settings),
        "parameters": definitions.of(pipeline).parameters(settings),
        "labels": settings.labels,
        "service_account": cloud.identities.pipeline,
        "network": cloud.network.network,
        "kms_key": cloud.kms_key,
    }
