"""Vertex AI as a target: the compiled file as a pipeline job, submitted once and followed to its end.

The run's id is the job's id, so that a submission whose answer was lost is found again, not repeated.
What the onlooker sees is read from the run's folder, which `pipelines.runners.mirror` keeps up to date.
"""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from components.shared.gcp import vertex_errors
from components.shared.gcp.retry import with_retries
from configs.cloud import Cloud
from configs.errors import CloudError
from configs.settings import Settings
from pipelines.runners.mirror import Mirror

State = Literal["running", "done", "failed", "cancelled"]
_STATES: Mapping[str, State] = {
    "PIPELINE_STATE_SUCCEEDED": "done",
    "PIPELINE_STATE_FAILED": "failed",
    "PIPELINE_STATE_CANCELLED": "cancelled",
}
_FIRST_WAIT, _MOST_WAIT = 0.2, 10.0
"""Seconds between two looks at a job: short after something has changed, longer the longer nothing does."""


def connect(cloud: Cloud) -> Any:
    """The Vertex AI client, set up for a project and region.

    Raises:
        CloudError: There are no credentials.
    """
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    logging.getLogger("google.cloud.aiplatform").setLevel(logging.WARNING)
    there: dict[str, Any] = {}
    if cloud.loopback.vertex:
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth
        there = {"api_endpoint": cloud.loopback.vertex, "api_transport": "rest", "credentials": anonymous}
    with translate_vertex_errors(cloud):
        aiplatform.init(project=cloud.project, location=cloud.location, **there)
    return aiplatform


def job_name(cloud: Cloud, run_id: str) -> str:
    """The full name of a run's pipeline job."""
    return f"projects/{cloud.project}/locations/{cloud.location}/pipelineJobs/{run_id}"


def pipeline_root(settings: Settings) -> str:
    """Where the runs of a use case write."""
    return f"{settings.places.root}/{settings.name}"


def submit(
    compiled: Path, run_id: str, settings: Settings, cloud: Cloud, parameters: Mapping[str, str]
) -> Any:
    """Submit a compiled pipeline as the job of a run; safe to repeat.

    Raises:
        CloudError: The service refuses it, or does not answer.
    """
    client = connect(cloud)
    with translate_vertex_errors(cloud):
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
    with translate_vertex_errors(cloud):
        return with_retries(client.PipelineJob.get)(job_name(cloud, run_id))


def follow(job: Any, mirror: Mirror, cloud: Cloud) -> State:
    """Keep the run's folder up to date until the job has ended.

    Raises:
        CloudError: The service does not answer any more.
    """
    wait = _FIRST_WAIT
    while True:
        state, changed = look(job, mirror, cloud)
        if state != "running":
            return state
        wait = _FIRST_WAIT if changed else min(wait * 1.5, _MOST_WAIT)
        time.sleep(wait)


def look(job: Any, mirror: Mirror, cloud: Cloud) -> tuple[State, bool]:
    """One look at a job: its state, and whether the run's folder has changed by it."""
    with translate_vertex_errors(cloud):
        state = with_retries(lambda: job.state)()
    return _STATES.get(state.name, "running"), mirror.update(job.gca_resource)


def cancel(job: Any, cloud: Cloud) -> None:
    """Ask the service to end a job and what it runs.

    Raises:
        CloudError: It has ended already.
    """
    with translate_vertex_errors(cloud):
        with_retries(job.cancel)()


@contextlib.contextmanager
def translate_vertex_errors(cloud: Cloud) -> Iterator[None]:
    """As `refusals.explained`, for what is asked of an environment's service.

    Raises:
        CloudError: In place of the client's exceptions.
    """
    asked = vertex_errors.Request(cloud.project, cloud.location, account=cloud.identities.pipeline)
    try:
        with vertex_errors.translate_vertex_errors(asked):
            yield
    except ValueError as error:  # the client's own word for arguments that it refuses
        raise CloudError(str(asked), got=str(error)) from error
