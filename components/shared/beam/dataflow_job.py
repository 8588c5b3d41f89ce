"""A job on Dataflow: its state, messages and workers, its cancellation, and its errors as one line.

They say why a job failed, or why Dataflow rejects a request, and what to do next.
"""

import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions

from components.shared.gcp import links
from components.shared.gcp.endpoints import anonymous
from components.shared.gcp.retry import GIVE_UP_SECONDS, poll, unanswered, with_retries
from components.shared.vendor_seams import beam_credentials, beam_job_exists_error
from configs.errors import CloudError, JobError, PipelineError

ENDED = frozenset({"DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED"})
_WORDS = {"PENDING": "starting", "QUEUED": "queued (FlexRS)"}
_CANCEL_SECONDS = 15.0
"""How long a cancellation is tried: a stage that has to stop is killed soon after."""
_REASON_SECONDS = 60.0
"""How long after a job has failed its reason may appear."""
_POLL_SECONDS = 0.5
_MOST_SHOWN, _MOST_REASON = 60, 400
"""Characters of a message in the live view, and of a reason or a message in an error."""


@dataclass(frozen=True)
class Snapshot:
    """A job at a moment."""

    state: str
    """As the service calls it, without JOB_STATE_."""
    workers: int | None
    message: str
    """The newest one."""

    def __str__(self) -> str:
        """For example `running · 3 workers · Executing operation Distribute`."""
        words = _WORDS.get(self.state, self.state.lower().replace("_", " "))
        workers = "" if self.workers is None else f"{self.workers} worker{'s' * (self.workers != 1)}"
        return " · ".join(part for part in (words, workers, self.message[:_MOST_SHOWN]) if part)


class Job:
    """A job on Dataflow.

    Args:
        options: Beam's, with which it was submitted.
        job_id: What Dataflow calls it.
    """

    def __init__(self, options: PipelineOptions, job_id: str) -> None:
        cloud = options.view_as(GoogleCloudOptions)
        self.id, self.project, self.region = job_id, cloud.project, cloud.region
        self._jobs, self._messages = _clients(options)
        self._address = {"job_id": job_id, "project_id": cloud.project, "location": cloud.region}
        self._since: Any = None
        self._known: set[str] = set()
        self._workers: int | None = None
        self._newest = ""
        self._errors: list[str] = []

    @property
    def name(self) -> str:
        """Its full name."""
        return f"projects/{self.project}/locations/{self.region}/jobs/{self.id}"

    @property
    def gcloud_arguments(self) -> str:
        """The arguments by which gcloud finds it."""
        return f"{self.id} --region={self.region} --project={self.project}"

    def fetch(self) -> Snapshot:
        """Its state, workers and newest message; messages since the last call go to the log, too."""
        state = self._fetch_state()
        for page in with_retries(self._fetch_messages)():
            self._log_messages(page)
        return Snapshot(state, self._workers, self._newest)

    def failure(self, last: Snapshot) -> JobError:
        """The error of a job that failed or was cancelled; waits for the reason, which appears later."""
        if last.state == "FAILED" and not self._errors:
            steady = {"first": _POLL_SECONDS, "most": _POLL_SECONDS}
            poll(self.fetch, lambda _: self._errors, seconds=_REASON_SECONDS, **steady)
        [link] = links.of(self.name).values()
        return JobError(
            f"Dataflow job {self.id}",
            expected="a job that ends well",
            got=_reason(self._errors) if last.state == "FAILED" else last.state.lower(),
            remedy=f"See {link} or: gcloud dataflow jobs show {self.gcloud_arguments}",
        )

    def cancel(self) -> None:
        """Cancel it, if it has not ended; a failure to do so goes to the log."""
        from google.cloud import dataflow

        wanted = dataflow.Job(requested_state=dataflow.JobState.JOB_STATE_CANCELLED)
        try:
            if self._fetch_state(_CANCEL_SECONDS) not in ENDED:
                request = dataflow.UpdateJobRequest(**self._address, job=wanted)
                with_retries(self._jobs.update_job, seconds=_CANCEL_SECONDS)(request)
                sys.stdout.write(f"Dataflow job {self.id} is being cancelled\n")
        except unanswered() as error:
            sys.stdout.write(f"{error}\nIt may go on: gcloud dataflow jobs cancel {self.gcloud_arguments}\n")

    def _fetch_state(self, seconds: float = GIVE_UP_SECONDS) -> str:
        from google.api_core.exceptions import NotFound
        from google.cloud import dataflow

        request = dataflow.GetJobRequest(**self._address)
        # A job that was made just now is not always known yet.
        found = with_retries(self._jobs.get_job, NotFound, seconds=seconds)(request)
        return str(dataflow.JobState(found.current_state).name).removeprefix("JOB_STATE_")

    def _fetch_messages(self) -> list[Any]:
        from google.cloud import dataflow

        request = dataflow.ListJobMessagesRequest(
            **self._address,
            start_time=self._since,
            minimum_importance=dataflow.JobMessageImportance.JOB_MESSAGE_BASIC,
        )
        return list(self._messages.list_job_messages(request).pages)

    def _log_messages(self, page: Any) -> None:
        for message in page.job_messages:
            if message.id not in self._known:
                self._known.add(message.id)
                kind = message.message_importance.name.removeprefix("JOB_MESSAGE_")
                sys.stdout.write(f"{message.time:%H:%M:%S} Dataflow {kind} {message.message_text}\n")
                self._since = max(filter(None, (self._since, message.time)), default=None)
                self._newest = _one_line(message.message_text)
                if kind == "ERROR":
                    self._errors.append(message.message_text)
        for event in page.autoscaling_events:
            if event.event_type.name in ("CURRENT_NUM_WORKERS_CHANGED", "ACTUATION_FAILURE"):
                self._workers = event.current_num_workers


def _reason(errors: list[str]) -> str:
    """The message that explains most: the last traceback, else the last that does not only count attempts."""
    if not errors:
        return "a failure without a message"
    tracebacks = [each for each in errors if "Traceback" in each]
    others = [each for each in errors if "work item" not in each]
    return _one_line((tracebacks or others or errors)[-1])[:_MOST_REASON]


def _one_line(message: str) -> str:
    """A message on one line; of a traceback its last line; of our own errors their text."""
    lines = [line for line in message.splitlines() if line.strip()]
    if "Traceback" in message:
        lines = [line for line in lines if not line[0].isspace()][-1:]
    text = " ".join(line.strip() for line in lines)
    ours = re.search(r"configs\.errors\.(\w+Error: .*)", text)
    return ours[1] if ours else text


def cancel_run(options: PipelineOptions, run: str) -> list[str]:
    """Cancel the jobs of a run that have not ended, of whichever stage; returns their ids.

    For a run whose stages were killed before they could do it themselves.

    Raises:
        CloudError: Dataflow rejects a call, or does not answer.
    """
    from google.cloud import dataflow

    cloud = options.view_as(GoogleCloudOptions)
    with translate_dataflow_errors(options):
        jobs, _ = _clients(options)
        request = dataflow.ListJobsRequest(
            project_id=cloud.project, location=cloud.region, filter=dataflow.ListJobsRequest.Filter.ACTIVE
        )
        active = with_retries(lambda: list(jobs.list_jobs(request)))()
        found = [each.id for each in active if dict(each.labels or {}).get("run") == run]
        for each in found:
            Job(options, each).cancel()
    return found


def _clients(options: PipelineOptions) -> tuple[Any, Any]:
    """The clients of jobs and of their messages, with the credentials and the address of Beam's own."""
    from google.api_core.client_options import ClientOptions
    from google.cloud import dataflow

    cloud = options.view_as(GoogleCloudOptions)
    arguments: dict[str, Any] = {"transport": "rest", "client_options": ClientOptions()}
    if cloud.dataflow_endpoint != GoogleCloudOptions.DATAFLOW_ENDPOINT:
        arguments["client_options"] = ClientOptions(api_endpoint=cloud.dataflow_endpoint)
    if cloud.no_auth:
        arguments["credentials"] = anonymous()
    else:
        arguments["credentials"] = beam_credentials(options)
    return dataflow.JobsV1Beta3Client(**arguments), dataflow.MessagesV1Beta3Client(**arguments)


@contextlib.contextmanager
def translate_dataflow_errors(options: PipelineOptions) -> Iterator[None]:
    """Translate the errors of Beam and of the client into ours.

    Raises:
        CloudError: In place of Beam's and the client's exceptions.
    """
    from google.auth.exceptions import GoogleAuthError

    failures: tuple[type[Exception], ...] = (*unanswered(), GoogleAuthError)
    cloud = options.view_as(GoogleCloudOptions)
    try:
        yield
    except PipelineError:
        raise
    except beam_job_exists_error() as error:
        raise _job_exists_error(cloud, str(error)) from error
    except failures as error:
        raise _dataflow_error(cloud, getattr(error, "cause", None) or error) from error
    except (OSError, ValueError) as error:  # what Beam makes of a bucket, or of options, that it cannot use
        if not str(error).startswith(("Could not upload to GCS path", "Pipeline has validations errors")):
            raise
        raise _dataflow_error(cloud, error) from error


def _job_exists_error(cloud: GoogleCloudOptions, message: str) -> CloudError:
    named = re.search(r"with id: (\S+?)\.? ", message)
    job = named[1] if named else "JOB"
    return CloudError(
        f"Dataflow in {cloud.project}, {cloud.region}",
        expected="no other job of this stage of this run",
        got=f"job {job}, which an earlier attempt left running",
        remedy=f"Run again after: gcloud dataflow jobs cancel {job} --region={cloud.region} "
        f"--project={cloud.project}",
    )


def _dataflow_error(cloud: GoogleCloudOptions, error: BaseException) -> CloudError:
    code, message = str(getattr(error, "code", "") or ""), " ".join(str(error).split())
    workers = cloud.service_account_email or "the project's default service account"
    remedy = {
        "403": (
            f"The stage's account needs roles/dataflow.developer in {cloud.project} and "
            f"roles/iam.serviceAccountUser on {workers}: gcloud projects add-iam-policy-binding "
            f"{cloud.project} --member=serviceAccount:ACCOUNT --role=roles/dataflow.developer"
        ),
        "429": "Wait, or ask for more quota: https://console.cloud.google.com/iam-admin/quotas"
        f"?project={cloud.project}",
    }.get(code, "")
    if "SERVICE_DISABLED" in message or "has not been used in project" in message:
        remedy = f"Turn it on: gcloud services enable dataflow.googleapis.com --project={cloud.project}"
    elif "GCS path" in message or "bucket" in message.lower():
        remedy = f"Look at it: gcloud storage ls {cloud.staging_location or cloud.temp_location}"
    elif "credentials" in message.lower():
        remedy = "Log in: gcloud auth application-default login"
    return CloudError(
        f"Dataflow in {cloud.project}, {cloud.region}", got=message[:_MOST_REASON], remedy=remedy
    )
