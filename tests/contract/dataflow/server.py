"""A Dataflow server on loopback: the REST protocol of the unmodified client, and jobs that really run.

    with DataflowServer(project="my-project") as server:
        Pipeline(options=PipelineOptions(["--runner=DataflowRunner", f"--dataflow_endpoint={server.url}", …]))

A job's pipeline is fetched from where it was staged and runs on Beam's local runner in another process. The
rules (states, names, requests sent twice) are a reading of the API's reference and of Beam's client; they
were not recorded from the service.
"""

import json
import re
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.cloud import dataflow_v1beta3 as dataflow
from google.protobuf import json_format

from tests.contract.dataflow.jobs import ENDED, IMPORTANCE, Fate, Importance, Job, State
from tests.contract.dataflow.workers import LOST, Workers
from tests.contract.iam.calls import Heard
from tests.contract.storage.server import StorageServer
from tests.contract.vertex.answering import Loopback
from tests.contract.vertex.faults import Faults
from tests.contract.vertex.rejections import Rejection

_PATH = re.compile(
    r"/v1b3/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/jobs"
    r"(?:/(?P<job>[^/]+)(?:/(?P<part>messages|metrics))?)?"
)
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}"), re.compile(r"[a-z0-9_-]{0,63}")
_RPCS = {
    ("POST", False, None): "CreateJob",
    ("GET", False, None): "ListJobs",
    ("GET", True, None): "GetJob",
    ("PUT", True, None): "UpdateJob",
    ("GET", True, "messages"): "ListJobMessages",
    ("GET", True, "metrics"): "GetJobMetrics",
}
_PAGE = 2
"""Messages on a page."""


class DataflowServer(Loopback):
    """One project in one region.

    Args:
        project: Its id; requests about another are rejected.
        location: The region.
        variables: Of the environment of the workers.
    """

    host = "localhost"  # the word by which Beam knows such a server

    def __init__(
        self,
        project: str = "local-project",
        location: str = "us-central1",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.project, self.location = project, location
        self.faults, self.jobs = Faults(), dict[str, Job]()
        self.fates: list[Fate] = []
        """Of the next jobs; a job beyond them has an ordinary one."""
        self.calls: list[str] = []
        self.variables = dict(variables or {})
        self._workers = Workers(self.variables)
        self._lock = threading.RLock()

    def close(self) -> None:
        """End the workers."""
        self._workers.stop()

    def forget(self) -> None:
        """No job, no fault, no call."""
        self.jobs.clear()
        self.calls.clear()
        self.fates.clear()
        self.faults.waiting.clear()

    # --- answering ----------------------------------------------------------------------------

    def answer(self, verb: str, target: str, body: bytes) -> bytes:
        """The JSON that answers a request.

        Raises:
            Rejection: The request is answered by an error.
            LostAnswer: It is not answered at all.
        """
        split = urllib.parse.urlsplit(target)
        found = _PATH.fullmatch(urllib.parse.unquote(split.path))
        rpc = found and _RPCS.get((verb, bool(found["job"]), found["part"]))
        if not found or not rpc:
            raise Rejection("UNIMPLEMENTED", f"no method for {verb} {split.path}")
        if found["project"] != self.project:
            raise Rejection("PERMISSION_DENIED", f"(0) Permission denied on project {found['project']}.")
        if found["location"] != self.location:
            raise Rejection("INVALID_ARGUMENT", f"{found['location']} is not served here.")
        query = urllib.parse.parse_qs(split.query)
        self.calls.append(rpc)
        self.faults.check(rpc)
        with self._lock:
            message = self._answered(rpc, found["job"], query, body)
        self.faults.check_answer(rpc)
        text: str = json_format.MessageToJson(type(message).pb(message))
        return text.encode()

    def _answered(self, rpc: str, job_id: str, query: dict[str, list[str]], body: bytes) -> Any:
        if rpc == "CreateJob":
            return self._create(body)
        if rpc == "ListJobs":
            active = "2" in query.get("filter", []) or "ACTIVE" in query.get("filter", [])
            found = [job.message for job in self.jobs.values() if not (active and job.state in ENDED)]
            return dataflow.ListJobsResponse(jobs=found)
        job = self._job(job_id)
        if rpc == "ListJobMessages":
            return self._messages(job, query)
        if rpc == "GetJobMetrics":
            return job.metrics()
        if rpc == "UpdateJob":
            return self._update(job, body)
        job.look()
        self._go_on(job)
        return job.message

    def _job(self, job_id: str) -> Job:
        if job_id not in self.jobs:
            raise Rejection("NOT_FOUND", f"(0) Information about job {job_id} could not be found.")
        return self.jobs[job_id]

    def _create(self, body: bytes) -> Any:
        """A job that waits for its machines; the same request again is answered by the same job."""
        message = _parsed(body)
        for job in self.jobs.values():
            if job.message.client_request_id == message.client_request_id:
                return job.message
            if job.message.name == message.name and job.state not in ENDED:
                return job.message  # its other request id says so
        _check(message)
        fate = self.fates.pop(0) if self.fates else Fate()
        message.id = f"2026-11-25_00_00_00-{len(self.jobs):019d}"
        message.project_id, message.location = self.project, self.location
        message.current_state = State.JOB_STATE_QUEUED if fate.queued else State.JOB_STATE_PENDING
        job = Job(message, json.loads(body), fate)
        self.jobs[message.id] = job
        return message

    def _go_on(self, job: Job) -> None:
        """Let it run once it has been looked at often enough."""
        waiting = job.state in (State.JOB_STATE_PENDING, State.JOB_STATE_QUEUED)
        if waiting and job.looks > job.fate.pending_looks:
            job.run()
            self._begin(job)

    def _begin(self, job: Job) -> None:
        """Let the worker run it; where the worker is lost, another one begins anew."""
        job.attempts += 1

        def end(outcome: dict[str, Any]) -> None:
            if outcome == LOST and job.state not in ENDED and job.attempts < job.fate.attempts:
                self._begin(job)
            else:
                job.end(outcome)

        account = job.message.environment.service_account_email
        self._workers.run(job.pipeline, job.options, end, account)

    def kill_worker(self) -> None:
        """End the worker's process in the midst of what it does, as a machine that is taken away."""
        self._workers.kill()

    def _update(self, job: Job, body: bytes) -> Any:
        request = _parsed(body)
        if request.requested_state != State.JOB_STATE_CANCELLED:
            raise Rejection("INVALID_ARGUMENT", "Only a cancellation is served here.")
        if job.state in ENDED:
            raise Rejection("FAILED_PRECONDITION", f"(0) Job {job.message.id} is in a terminal state.")
        running = job.state == State.JOB_STATE_RUNNING
        job.enter(State.JOB_STATE_CANCELLING)
        if running:
            self._workers.stop()
        return job.message

    @staticmethod
    def _messages(job: Job, query: dict[str, list[str]]) -> Any:
        least = query.get("minimumImportance", ["0"])[0]
        level = Importance(int(least)) if least.isdigit() else Importance[least]
        read: Any = DatetimeWithNanoseconds.from_rfc3339
        since = read(query.get("startTime", ["1970-01-01T00:00:00Z"])[0])
        found = [
            each
            for each in job.messages
            if IMPORTANCE.index(each.message_importance) >= IMPORTANCE.index(level) and each.time >= since
        ]
        first = int(query.get("pageToken", ["0"])[0])
        rest = first + _PAGE < len(found)
        return dataflow.ListJobMessagesResponse(
            job_messages=found[first : first + _PAGE],
            next_page_token=str(first + _PAGE) if rest else "",
            autoscaling_events=job.events,
        )


def _parsed(body: bytes) -> Any:
    """A job, strictly: what the API does not know is rejected."""
    message = dataflow.Job()
    try:
        json_format.Parse(body, dataflow.Job.pb(message))
    except json_format.ParseError as error:
        raise Rejection("INVALID_ARGUMENT", str(error)) from error
    return message


def _check(message: Any) -> None:
    if not _NAME.fullmatch(message.name):
        raise Rejection("INVALID_ARGUMENT", f"(0) Invalid job name: {message.name}.")
    for part in message.labels.items():
        if not all(rule.fullmatch(text) for rule, text in zip(_LABEL, part, strict=True)):
            raise Rejection("INVALID_ARGUMENT", f"(0) Invalid label: {part}.")
    if not message.environment.worker_pools:
        raise Rejection("INVALID_ARGUMENT", "(0) A job needs a worker pool.")


@contextmanager
def killing_at(dataflow: DataflowServer, storage: StorageServer, upload: str) -> Iterator[list[str]]:
    """Kill the worker at the first upload whose request matches this pattern; yields what was seen of it."""
    seen: list[str] = []

    def watch(heard: Heard) -> None:
        if not seen and "/upload/" in heard.target and re.search(upload.encode(), heard.body):
            seen.append(heard.target)
            dataflow.kill_worker()

    storage.watch = watch
    try:
        yield seen
    finally:
        storage.watch = None
