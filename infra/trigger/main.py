"""A message on Pub/Sub starts a run of a published pipeline, once, however often it is delivered.

    python -m pipelines publish flights --env dev     # what this function starts
    make up ENV=dev        # deploys it, with its topic: infra/modules/events

The message is JSON, `{"use_case": "flights"}`, which starts a training run;
`{"use_case": "flights", "pipeline": "prediction"}` scores rows. PIPELINES names the folder on Cloud Storage
where pipelines are published. The function costs nothing while no message comes.

What can never become a run is logged as an error and acknowledged. Everything else that goes wrong is
raised: Pub/Sub delivers the message again, to the same run.
"""

import base64
import hashlib
import json
import os
import re
from typing import Any, NamedTuple

import functions_framework

PIPELINES = "PIPELINES"
KNOWN = ("training", "prediction")
"""The pipelines that there are; the first is the one of a message that names none."""
_USE_CASE = re.compile(r"[a-z][a-z0-9-]{0,39}")


class Request(NamedTuple):
    """What a message asks for."""

    use_case: str
    pipeline: str

    @property
    def prefix(self) -> str:
        """How the ids of its runs begin, as those of runs that a person starts."""
        return self.use_case if self.pipeline == KNOWN[0] else f"{self.use_case}-{self.pipeline}"


class BadMessage(Exception):  # noqa: N818 - it is about the message
    """The message can never become a run."""


@functions_framework.cloud_event
def start(event: Any) -> None:
    """Start the run that an event asks for.

    Raises:
        GoogleAPICallError: The service rejects it, or does not answer: the event is to come again.
    """
    try:
        request = _request(event)
        run_id = f"{request.prefix}-event-{_digest(event)}"
        launch = _launch(request)
    except BadMessage as bad:
        _log("ERROR", f"{event['id']}: {bad}")
        return
    _log("INFO", f"{event['id']}: {_submit(launch, run_id)} {run_id}")


def _request(event: Any) -> Request:
    """The use case that a message names, and its pipeline."""
    try:
        content = json.loads(base64.b64decode(event.data["message"]["data"], validate=True))
    except (KeyError, TypeError, ValueError) as error:
        raise BadMessage(
            f"expected JSON in the message's data, got {type(error).__name__}: {error}"
        ) from error
    if not isinstance(content, dict) or {"use_case"} != set(content) - {"pipeline"}:
        wanted = '{"use_case": NAME}, and "pipeline" if it is another than training'
        raise BadMessage(f"expected {wanted}, got {json.dumps(content)[:200]}")
    use_case, pipeline = content["use_case"], content.get("pipeline", KNOWN[0])
    if not isinstance(use_case, str) or not _USE_CASE.fullmatch(use_case):
        raise BadMessage(f"expected a use case's name, got {json.dumps(use_case)[:200]}")
    if pipeline not in KNOWN:
        raise BadMessage(f"expected a pipeline, {' or '.join(KNOWN)}, got {json.dumps(pipeline)[:200]}")
    return Request(use_case, pipeline)


def _digest(event: Any) -> str:
    """The same for every delivery of an event, and for no other event."""
    return hashlib.blake2b(f"{event['source']}\n{event['id']}".encode(), digest_size=8).hexdigest()


def _launch(request: Request) -> dict[str, Any]:
    """How a published pipeline of a use case is started."""
    from google.api_core.exceptions import NotFound
    from google.cloud import storage

    bucket, _, folder = os.environ[PIPELINES].removeprefix("gs://").partition("/")
    name = "/".join(filter(None, (folder.strip("/"), f"{request.pipeline}-{request.use_case}.json")))
    try:
        content: dict[str, Any] = json.loads(storage.Client().bucket(bucket).blob(name).download_as_bytes())
    except NotFound as error:
        raise BadMessage(
            f"no {request.pipeline} pipeline of '{request.use_case}': no gs://{bucket}/{name}. Publish it: "
            f"python -m pipelines publish {request.use_case} --env ENVIRONMENT --pipeline {request.pipeline}"
        ) from error
    return content


def _submit(launch: dict[str, Any], run_id: str) -> str:
    """Create the run's job, or find that an earlier delivery has."""
    from google.api_core.exceptions import Conflict
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    endpoint = os.environ.get("AIPLATFORM_EMULATOR_HOST", "")  # a server on this machine, for tests
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth
    there = {"api_endpoint": endpoint, "api_transport": "rest", "credentials": anonymous} if endpoint else {}
    aiplatform.init(project=launch["project"], location=launch["location"], **there)
    job = aiplatform.PipelineJob(
        display_name=run_id,
        job_id=run_id,
        template_path=launch["template"],
        pipeline_root=launch["pipeline_root"],
        parameter_values={**launch["parameters"], "run_id": run_id},
        labels={**launch["labels"], "started_by": "event"},
        encryption_spec_key_name=launch["kms_key"] or None,
        failure_policy="fast",
    )
    try:
        job.submit(service_account=launch["service_account"] or None, network=launch["network"] or None)
    except Conflict:
        return "started before:"
    return "started"


def _log(severity: str, message: str) -> None:
    """A line that Cloud Logging understands."""
    print(json.dumps({"severity": severity, "message": message}), flush=True)  # noqa: T201 - its way in
