"""Continuous training by hand: the message that the clock or new data would send."""

import json
import os
from typing import Any

from configs.errors import CloudError
from configs.settings import Settings

TOPIC = "pipeline-runs"
"""Of Pub/Sub: the function pipeline-trigger starts a run for each message."""
_SECONDS = 30


def start(settings: Settings, use_case: str) -> str:
    """Ask for a run of a use case's published pipeline; returns what was asked of whom.

    Raises:
        CloudError: The topic is missing or closed to us, or Pub/Sub does not answer.
    """
    from google.api_core.exceptions import GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    project = settings.cloud.project if settings.cloud else ""
    topic = f"projects/{project}/topics/{TOPIC}"
    try:
        content = json.dumps({"use_case": use_case}).encode()
        sent = _publisher().publish(topic, content, timeout=_SECONDS).result(timeout=_SECONDS)
    except GoogleAuthError as error:
        raise _refused(topic, error, "Log in: gcloud auth application-default login") from None
    except (GoogleAPIError, TimeoutError) as error:
        raise _refused(topic, error, f"Is it there? make plan-infra ENV={settings.environment}") from None
    return f"message {sent} on {topic}: a run of {use_case} is on its way"


def _refused(topic: str, error: Exception, remedy: str) -> CloudError:
    got = str(error).splitlines()[0] if str(error) else type(error).__name__
    return CloudError(f"the topic {topic}", expected="to take a message", got=got, remedy=remedy)


def _publisher() -> Any:
    from google.cloud import pubsub_v1

    if os.environ.get("PUBSUB_EMULATOR_HOST"):
        from google.auth.credentials import AnonymousCredentials

        return pubsub_v1.PublisherClient(credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]  # google-auth
    return pubsub_v1.PublisherClient()
