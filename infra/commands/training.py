"""Continuous training by hand: the message that the schedule or new data would send."""

import json

from configs.errors import CloudError
from configs.settings import Settings

TOPIC = "pipeline-runs"
"""Of Pub/Sub: the function pipeline-trigger starts a run for each message."""
_SECONDS = 30


def start(settings: Settings, use_case: str) -> str:
    """Request a run of a use case's published pipeline; returns which message was sent to which topic.

    Raises:
        CloudError: The topic is missing or closed to us, or Pub/Sub does not answer.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.pubsub_v1 import PublisherClient

    project = settings.cloud.project if settings.cloud else ""
    topic = f"projects/{project}/topics/{TOPIC}"
    try:
        content = json.dumps({"use_case": use_case}).encode()
        sent = PublisherClient().publish(topic, content, timeout=_SECONDS).result(timeout=_SECONDS)
    except (GoogleAuthError, GoogleAPIError, TimeoutError) as error:
        got = str(error).splitlines()[0] if str(error) else type(error).__name__
        remedy = f"Is it there? make plan-infra ENV={settings.environment}"
        if isinstance(error, GoogleAuthError):
            remedy = "Log in: gcloud auth application-default login"
        raise CloudError(f"the topic {topic}", expected="to take a message", got=got, remedy=remedy) from None
    return f"message {sent} on {topic}: a run of {use_case} is on its way"
