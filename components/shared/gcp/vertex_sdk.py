"""Vertex AI's high-level client, which knows pipeline jobs, schedules and experiments."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

from components.shared.gcp.endpoints import anonymous, emulator
from components.shared.gcp.vertex_client import Request, translate_vertex_errors
from configs.cloud import Cloud
from configs.errors import CloudError


def connect(cloud: Cloud) -> Any:
    """The client, set up for a project and region.

    Raises:
        CloudError: There are no credentials.
    """
    from google.cloud import aiplatform

    logging.getLogger("google.cloud.aiplatform").setLevel(logging.WARNING)
    logging.getLogger("google.cloud.aiplatform.pipeline_jobs").setLevel(logging.ERROR)  # warns of short lists
    there: dict[str, Any] = {}
    if server := emulator("aiplatform"):
        there = {"api_endpoint": server, "api_transport": "rest", "credentials": anonymous()}
    with translate_sdk_errors(cloud):
        aiplatform.init(project=cloud.project, location=cloud.location, **there)
    return aiplatform


@contextlib.contextmanager
def translate_sdk_errors(cloud: Cloud) -> Iterator[None]:
    """Raise what goes wrong with an environment's service as one sentence.

    Raises:
        CloudError: In place of the client's exceptions.
    """
    request = Request(cloud.project, cloud.location, account=cloud.identities.pipeline)
    try:
        with translate_vertex_errors(request):
            yield
    except ValueError as error:  # the client's own kind for arguments that it rejects
        raise CloudError(str(request), got=str(error)) from error
