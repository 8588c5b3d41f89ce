"""Vertex AI as a target: the compiled file as a pipeline job, submitted once and followed to its end.

The run's id is the job's id, so that a submission whose answer was lost is found again, not repeated.
What a person sees is read from the run's folder, which `pipelines.runners.mirror` keeps up to date.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from components.shared.gcp.links import job_name
from components.shared.gcp.retry import with_retries
from components.shared.gcp.vertex_sdk import connect, translate_sdk_errors
from configs.cloud import Cloud
from configs.settings import Settings
from pipelines.runners.target import cloud_of

State = Literal["running", "done", "failed", "cancelled"]
STATES: Mapping[str, State] = {
    "PIPELINE_STATE_SUCCEEDED": "done",
    "PIPELINE_STATE_FAILED": "failed",
    "PIPELINE_STATE_CANCELLED": "cancelled",
}


def pipeline_root(settings: Settings) -> str:
    """Where the runs of a use case write."""
    return f"{settings.places.root}/{settings.name}"


def pipeline_job(
    settings: Settings, compiled: Path, title: str, parameters: Mapping[str, str], run_id: str | None = None
) -> Any:
    """A compiled pipeline as a job that is not submitted yet; None: Vertex AI gives each run its id."""
    from google.cloud import aiplatform

    cloud = cloud_of(settings)
    return aiplatform.PipelineJob(
        display_name=title,
        job_id=run_id,
        template_path=str(compiled),
        pipeline_root=pipeline_root(settings),
        parameter_values=dict(parameters),
        labels=settings.labels,
        encryption_spec_key_name=cloud.kms_key or None,
        failure_policy="fast",
    )


def submit(compiled: Path, run_id: str, settings: Settings, parameters: Mapping[str, str]) -> None:
    """Submit a compiled pipeline as the job of a run; safe to repeat.

    Raises:
        CloudError: The service rejects it, or does not answer.
    """
    from google.api_core import exceptions

    cloud = cloud_of(settings)
    connect(cloud)
    with translate_sdk_errors(cloud):
        submit_job = with_retries(pipeline_job(settings, compiled, run_id, parameters, run_id).submit)
        try:
            submit_job(
                service_account=cloud.identities.pipeline or None, network=cloud.network.network or None
            )
        except exceptions.Conflict:
            """An earlier attempt got through and its answer was lost: the id is this run's alone."""


def found(cloud: Cloud, run_id: str) -> Any:
    """The job of a run.

    Raises:
        CloudError: There is none, or the service does not answer.
    """
    client = connect(cloud)
    with translate_sdk_errors(cloud):
        return with_retries(client.PipelineJob.get)(job_name(cloud.project, cloud.location, run_id))
