"""Google Cloud's wire protocols, served on loopback."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.shared.files.gcs_path import BucketPath
from components.shared.gcp.endpoints import VARIABLES
from tests.contract.bigquery.emulator import BigQueryServer, emulator
from tests.contract.dataflow.googleapis import tensorflow_at
from tests.contract.dataflow.server import DataflowServer
from tests.contract.registries import World, by_version
from tests.contract.storage import server as storage
from tests.contract.storage.server import StorageServer
from tests.contract.vertex.server import PROJECT_NUMBER, VertexServer


@pytest.fixture(scope="session")
def bigquery_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryServer]:
    """The unmodified BigQuery clients of this process talk to it; what it exports and loads, buckets have."""
    with emulator(tmp_path_factory.mktemp("exports")) as server:
        yield server


@pytest.fixture(scope="session")
def bigquery_client(bigquery_server: BigQueryServer) -> Any:
    """The unmodified google-cloud-bigquery client, talking to `bqemulator` over REST."""
    return bigquery_server.client("test-project")


@pytest.fixture
def vertex(monkeypatch: pytest.MonkeyPatch) -> Iterator[VertexServer]:
    """A Vertex AI server without any resource: project `local-project` in us-central1."""
    from google.cloud.aiplatform.utils import resource_manager_utils

    # The one call of the client that knows no other address: Resource Manager, for the project's number.
    monkeypatch.setattr(resource_manager_utils, "get_project_number", lambda *_, **__: PROJECT_NUMBER)
    with VertexServer() as server:
        monkeypatch.setenv(VARIABLES["aiplatform"], server.url)
        yield server


@pytest.fixture
def client_of_vertex(vertex: VertexServer) -> None:
    """Google's high-level client talks to that server."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import aiplatform

    aiplatform.init(
        project=vertex.project,
        location=vertex.location,
        api_endpoint=vertex.url,
        api_transport="rest",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # google-auth
    )


@pytest.fixture(scope="session")
def storage_session() -> Iterator[StorageServer]:
    """The server, for fixtures that outlive a test; it remembers what was requested and failed before."""
    with storage.serving() as server, pytest.MonkeyPatch.context() as patched:
        patched.setenv("STORAGE_EMULATOR_HOST", server.url)
        yield server


@pytest.fixture(scope="session")
def beam_storage(storage_session: StorageServer) -> StorageServer:
    """The same for Beam, which would otherwise look for credentials for 20 s."""
    from apache_beam.internal.gcp import auth

    auth._Credentials._credentials_init = True
    return storage_session


@pytest.fixture(scope="session")
def dataflow_session(
    beam_storage: StorageServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DataflowServer]:
    """A Dataflow server whose workers stay from test to test; their TensorFlow's gs:// is the emulator's."""
    with (
        tensorflow_at(beam_storage.url, tmp_path_factory.mktemp("googleapis")) as variables,
        DataflowServer(variables=variables) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def tensorflow_gs(dataflow_session: DataflowServer) -> Iterator[None]:
    """Beam's jobs go to that server, and TensorFlow's gs:// is the emulator's, while a module's tests run.

    No longer: other clients, gRPC among them, take the proxy for theirs.
    """
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {
            **dataflow_session.variables,
            VARIABLES["dataflow"]: dataflow_session.url,
        }.items():
            patched.setenv(name, value)
        yield


@pytest.fixture
def dataflow(dataflow_session: DataflowServer, tensorflow_gs: None) -> DataflowServer:  # noqa: ARG001 - set up
    """The same without jobs and without faults: project `local-project` in us-central1."""
    dataflow_session.forget()
    return dataflow_session


@pytest.fixture
def storage_server(storage_session: StorageServer) -> StorageServer:
    """The unmodified Cloud Storage clients of this process talk to it; without faults and without memory."""
    storage_session.faults.clear()
    storage_session.answered.clear()
    return storage_session


@pytest.fixture
def bucket(storage_server: StorageServer) -> BucketPath:
    """An empty bucket, as a place."""
    made = storage_server.new_bucket()
    storage_server.answered.clear()
    return made


@pytest.fixture
def world(vertex: VertexServer, bucket: BucketPath, tmp_path: Path) -> World:
    """The registry on Vertex AI, and what is needed to use it."""
    vertex.endpoints.predictor = by_version
    return World(vertex, bucket, tmp_path)
