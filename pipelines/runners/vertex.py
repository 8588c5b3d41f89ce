"""Vertex AI as a target: the compiled file as a pipeline job, submitted once and followed to its end.

The run's id is the job's id, so that a submission whose answer was lost is found again, not repeated.
What a person sees is read from the run's folder, which `pipelines.runners.mirror` keeps up to date.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from components.shared.gcp.links import job_name
from components.shared.gcp.polling import poll
from components.shared.gcp.retry import with_retries
from components.shared.gcp.vertex_sdk import connect, translate_sdk_errors
from configs.cloud import Cloud
from configs.settings import Settings
from pipelines.runners.mirror import Mirror

State = Literal["running", "done", "failed", "cancelled"]
STATES: Mapping[str, State] = {
    "PIPELINE_STATE_SUCCEEDED": "done",
    "PIPELINE_STATE_FAILED": "failed",
    "PIPELINE_STATE_CANCELLED": "cancelled",
}


def pipeline_root(settings: Settings) -> str:
    """Where the runs of a use case write."""
    return f"{settings.places.root}/{settings.name}"


def submit(
    compiled: Path, run_id: str, settings: Settings, cloud: Cloud, parameters: Mapping[str, str]
) -> Any:
    """Submit a compiled pipeline as the job of a run; safe to repeat.

    Raises:
        CloudError: The service rejects it, or does not answer.
    """
    client = connect(cloud)
    with translate_sdk_errors(cloud):
        job = client.PipelineJob(
            display_name=run_id,
            job_id=run_id,
            template_path=str(compiled),
            pipeline_root=pipeline_root(settings),
            parameter_values=dict(parameters),
            labels=settings.labels,
            encryption_spec_key_name=cloud.kms_key or None,
            failure_policy="fast",
        )
        _create(job, cloud)
        return found(cloud, run_id)


def _create(job: Any, cloud: Cloud) -> None:
    from google.api_core import exceptions

    try:
        with_retries(job.submit)(
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


def follow(job: Any, mirror: Mirror, cloud: Cloud) -> State:
    """Keep the run's folder up to date until the job has ended.

    Raises:
        CloudError: The service does not answer any more.
    """
    state, _ = poll(lambda: look(job, mirror, cloud), lambda seen: seen[0] != "running")
    return state


def look(job: Any, mirror: Mirror, cloud: Cloud) -> tuple[State, bool]:
    """One look at a job: its state, and whether the run's folder has changed by it."""
    with translate_sdk_errors(cloud):
        state = with_retries(lambda: job.state)()
    return STATES.get(state.name, "running"), mirror.update(job.gca_resource)


def cancel(job: Any, cloud: Cloud) -> None:
    """Ask the service to end a job and what it runs.

    Raises:
        CloudError: It has ended already.
    """
    with translate_sdk_errors(cloud):
        with_retries(job.cancel)()
