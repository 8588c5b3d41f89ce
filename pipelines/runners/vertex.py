"""Vertex AI as a target: the compiled file as a pipeline job, submitted once and followed to its end.

The run's id is the job's id, so that a submission whose answer was lost is found again, not repeated.
What the onlooker sees is read from the run's folder, which `pipelines.runners.mirror` keeps up to date.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from configs.cloud import Cloud
from configs.errors import CloudError, PipelineError
from configs.settings import Settings
from pipelines.runners.mirror import Mirror

P = ParamSpec("P")
T = TypeVar("T")
State = Literal["running", "done", "failed", "cancelled"]
_STATES: Mapping[str, State] = {
    "PIPELINE_STATE_SUCCEEDED": "done",
    "PIPELINE_STATE_FAILED": "failed",
    "PIPELINE_STATE_CANCELLED": "cancelled",
}
_FIRST_WAIT, _MOST_WAIT = 0.2, 10.0
"""Seconds between two looks at a job: short after something has changed, longer the longer nothing does."""
_GIVE_UP_SECONDS = 300.0
"""How long a service may be busy or out of reach before a call fails."""


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
    with explained(cloud):
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
    with explained(cloud):
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
        patiently(job.submit)(
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
    with explained(cloud):
        return patiently(client.PipelineJob.get)(job_name(cloud, run_id))


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
    with explained(cloud):
        state = patiently(lambda: job.state)()
    return _STATES.get(state.name, "running"), mirror.update(job.gca_resource)


def cancel(job: Any, cloud: Cloud) -> None:
    """Ask the service to end a job and what it runs.

    Raises:
        CloudError: It has ended already.
    """
    with explained(cloud):
        patiently(job.cancel)()


def patiently(call: Callable[P, T]) -> Callable[P, T]:
    """A call that is repeated while the service is busy (429), away (503), or its answer is lost."""
    from google.api_core import retry

    again: Callable[P, T] = retry.Retry(
        predicate=retry.if_transient_error, initial=0.3, maximum=20.0, timeout=_GIVE_UP_SECONDS
    )(call)
    return again


@contextlib.contextmanager
def explained(cloud: Cloud) -> Iterator[None]:
    """Say in one line why Google Cloud does not do what was asked, and how to mend it.

    Raises:
        CloudError: In place of the client's exceptions.
    """
    import requests
    from google.api_core import exceptions
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except PipelineError:
        raise
    except exceptions.RetryError as error:
        cause = error.cause or error
        raise _explanation(cloud, str(getattr(cause, "code", "")), _message(cause)) from error
    except exceptions.GoogleAPICallError as error:
        raise _explanation(cloud, str(error.code), _message(error)) from error
    except GoogleAuthError as error:
        raise CloudError(
            f"Vertex AI in {cloud.project}",
            expected="credentials",
            got=str(error).split(". ")[0],
            way_out="Get some: gcloud auth application-default login",
        ) from error
    except requests.exceptions.RequestException as error:
        raise _explanation(cloud, "no answer", str(error)) from error
    except ValueError as error:  # the client's own word for arguments that it refuses
        raise CloudError(f"Vertex AI in {cloud.project}", got=str(error)) from error


def _message(error: BaseException) -> str:
    """What the service said, without the request that the client puts before it."""
    text: str = getattr(error, "message", "") or str(error)
    return text.split(": ", 1)[-1] if text.startswith(("GET ", "POST ", "PATCH ", "DELETE ")) else text


def _explanation(cloud: Cloud, code: str, message: str) -> CloudError:
    where = f"Vertex AI in {cloud.project}, {cloud.location}"
    way_out = {
        "403": (
            f"Let yourself in: gcloud projects add-iam-policy-binding {cloud.project} "
            "--member=user:YOU --role=roles/aiplatform.user"
        ),
        "404": "List what is there: python -m pipelines status",
        "429": "Wait, or ask for more quota: https://console.cloud.google.com/iam-admin/quotas"
        f"?project={cloud.project}",
    }.get(code, "")
    if "SERVICE_DISABLED" in message or "has not been used in project" in message:
        way_out = f"Turn it on: gcloud services enable aiplatform.googleapis.com --project={cloud.project}"
    return CloudError(where, got=f"{code} {message}".strip(), way_out=way_out)
