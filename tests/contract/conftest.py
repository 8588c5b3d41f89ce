"""Google Cloud's wire protocols, served on loopback."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.vertex.server import PROJECT_NUMBER, VertexServer


@pytest.fixture(scope="session")
def bigquery_client() -> Iterator[Any]:
    """The unmodified google-cloud-bigquery client, talking to `bqemulator` over REST."""
    from bqemulator.config import PersistenceMode, Settings
    from bqemulator.server import EmulatorServer
    from bqemulator.storage.engine import DuckDBEngine
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    settings = Settings(
        persistence_mode=PersistenceMode.EPHEMERAL, rest_port=0, grpc_port=0, log_level="error"
    )
    server, loop = EmulatorServer(settings), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    patched = pytest.MonkeyPatch()
    # DuckDB's spatial extension is a download, and no table here holds a GEOGRAPHY.
    patched.setattr(DuckDBEngine, "_load_spatial", lambda _: None, raising=False)
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(timeout=90)
        yield bigquery.Client(
            project=settings.default_project_id,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # google-auth
            client_options=ClientOptions(api_endpoint=server.rest_url),
        )
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(timeout=30)
    finally:
        patched.undo()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=30)
        loop.close()


@pytest.fixture
def vertex(monkeypatch: pytest.MonkeyPatch) -> Iterator[VertexServer]:
    """A Vertex AI server without any resource: project `local-project` in us-central1."""
    from google.cloud.aiplatform.utils import resource_manager_utils

    # The one call of the client that knows no other address: Resource Manager, for the project's number.
    monkeypatch.setattr(resource_manager_utils, "get_project_number", lambda *_, **__: PROJECT_NUMBER)
    with VertexServer() as server:
        yield server
