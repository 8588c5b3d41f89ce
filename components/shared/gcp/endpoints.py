"""Other endpoints than Google's own, for tests against servers on this machine.

Cloud Storage, BigQuery and Pub/Sub have variables that Google's clients read by themselves:
`STORAGE_EMULATOR_HOST`, `BIGQUERY_EMULATOR_HOST`, `PUBSUB_EMULATOR_HOST`. The clients of the other services
have none. These are ours, in the same style, read here alone, whenever a client is made.
"""

import os
from collections.abc import Mapping
from typing import Any, Literal

Service = Literal["aiplatform", "dataflow", "bigquerystorage", "googleapis"]
VARIABLES: Mapping[Service, str] = {
    "aiplatform": "AIPLATFORM_EMULATOR_HOST",
    "dataflow": "DATAFLOW_EMULATOR_HOST",
    "bigquerystorage": "BIGQUERY_STORAGE_EMULATOR_HOST",
    "googleapis": "GOOGLEAPIS_EMULATOR_HOST",
}
"""Vertex AI as http://HOST:PORT; Dataflow as http://localhost:PORT, by which Beam knows such a server; the
Storage Read API as localhost:PORT (gRPC); every API that the preflight reads, as ADDRESS of
ADDRESS/API/PATH."""


def emulator(service: Service) -> str:
    """The address of the server that stands in for a service; empty: Google's own."""
    return os.environ.get(VARIABLES[service], "")


def stands_in_for_google() -> bool:
    """Whether Vertex AI is a server on this machine: then no other service may be Google's own."""
    return bool(emulator("aiplatform"))


def anonymous() -> Any:
    """The credentials for such a server."""
    from google.auth.credentials import AnonymousCredentials

    return AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth
